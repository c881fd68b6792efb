rule prepare:
    input:
        nothing,
    output:
        paths.manifest("prepare", "{dataset}"),
    log:
        paths.log("prepare", "{dataset}"),
    priority: urgency("prepare")
    conda:
        "../../envs/phvae.yaml"
    threads: 1
    resources:
        mem_mb=memory("prepare"),
        runtime=minutes("prepare"),
    shell:
        'exec phvae prepare --config "$PHVAE_FROZEN_CONFIG" --dataset {wildcards.dataset:q} >{log:q} 2>&1'


rule reference:
    input:
        paths.manifest("prepare", "{dataset}"),
    output:
        paths.manifest("reference", "{dataset}"),
    log:
        paths.log("reference", "{dataset}"),
    priority: urgency("reference")
    conda:
        "../../envs/phvae.yaml"
    threads: THREADS
    resources:
        **on_device(lambda wc: grid.scoring_device(grid.dataset_cells(wc.dataset))),
        mem_mb=memory("reference"),
        runtime=minutes("reference"),
    shell:
        'exec phvae reference --config "$PHVAE_FROZEN_CONFIG" --dataset {wildcards.dataset:q} >{log:q} 2>&1'
