rule prepare:
    input:
        modules("prepare"),
    output:
        paths.data("{dataset}"),
    log:
        paths.log("prepare", "{dataset}"),
    params:
        config=str(paths.config),
        data=lambda wc: str(grid.dataset_cells(wc.dataset)[0].data),
        sizes=lambda wc: [cell.n_train for cell in grid.dataset_cells(wc.dataset)],
    threads: 1
    resources:
        mem_mb=lambda wc, attempt: 4000 * attempt,
        runtime=lambda wc, attempt: 60 * attempt,
    shell:
        "phvae prepare --config {params.config:q} --dataset {wildcards.dataset:q} >{log:q} 2>&1"


rule reference:
    input:
        paths.data("{dataset}"),
        modules("reference"),
    output:
        paths.reference("{dataset}") / "reference.json",
    log:
        paths.log("reference", "{dataset}"),
    params:
        config=str(paths.config),
        settings=lambda wc: str(grid.dataset_cells(wc.dataset)[0].evaluation),
    threads: THREADS
    resources:
        mem_mb=lambda wc, attempt: 4000 * attempt,
        runtime=lambda wc, attempt: 60 * attempt,
    shell:
        "phvae reference --config {params.config:q} --dataset {wildcards.dataset:q} >{log:q} 2>&1"
