rule evaluate:
    input:
        paths.manifest("prepare", "{dataset}"),
        paths.manifest("encode", "{dataset}", "{n_train}", "{index}"),
        paths.manifest("reference", "{dataset}"),
    output:
        paths.manifest("evaluate", "{dataset}", "{n_train}", "{index}"),
    log:
        paths.log("evaluate", "{dataset}", "n-{n_train}", "{index}"),
    priority: urgency("evaluate")
    conda:
        "../../envs/phvae.yaml"
    # protocol DCI takes minutes a run and works in parallel over factors; no value depends on it
    threads:
        lambda wc: (
            4
            if any(
                "boosting" in cell.evaluation.dci for cell in cells_of("evaluate", wc)
            )
            else THREADS
        )
    resources:
        # no GPU for scores, but for FID at full size, where the configuration asks for a GPU by name
        **on_device(lambda wc: grid.scoring_device(cells_of("evaluate", wc))),
        mem_mb=memory("evaluate"),
        runtime=minutes("evaluate"),
    shell:
        'exec phvae evaluate --config "$PHVAE_FROZEN_CONFIG" --dataset {wildcards.dataset:q} --n-train {wildcards.n_train:q}'
        " --batch {wildcards.index:q} --threads {threads} >{log:q} 2>&1"
