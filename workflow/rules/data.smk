rule prepare:
    output:
        paths.data("{dataset}"),
    log:
        paths.log("prepare", "{dataset}"),
    conda:
        "../../envs/phvae.yaml"
    threads: 1
    resources:
        mem_mb=memory("prepare"),
        runtime=minutes("prepare"),
    params:
        code=code_of("prepare"),
        config=str(paths.config),
        data=lambda wc: str(grid.dataset_cells(wc.dataset)[0].data),
        sizes=lambda wc: sorted(
            {str(cell.n_train) for cell in grid.dataset_cells(wc.dataset)}
        ),
    shell:
        "exec phvae prepare --config {params.config:q} --dataset {wildcards.dataset:q} >{log:q} 2>&1"


rule reference:
    input:
        paths.data("{dataset}"),
    output:
        paths.reference("{dataset}") / "reference.json",
    log:
        paths.log("reference", "{dataset}"),
    conda:
        "../../envs/phvae.yaml"
    threads: THREADS
    resources:
        **on_device(lambda wc: grid.scoring_device(grid.dataset_cells(wc.dataset))),
        mem_mb=memory("reference"),
        runtime=minutes("reference"),
    params:
        code=code_of("reference"),
        config=str(paths.config),
        settings=lambda wc: str(grid.dataset_cells(wc.dataset)[0].evaluation),
        weights=weights_of,
    shell:
        "exec phvae reference --config {params.config:q} --dataset {wildcards.dataset:q} >{log:q} 2>&1"
