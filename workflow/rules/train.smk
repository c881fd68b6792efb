rule train:
    input:
        paths.manifest("prepare", "{dataset}"),
    output:
        paths.manifest("train", "{dataset}", "{n_train}", "{variant}", "{stack}"),
    log:
        paths.log("train", "{dataset}", "n-{n_train}", "{variant}", "{stack}"),
    conda:
        "../../envs/phvae.yaml"
    threads: THREADS
    resources:
        **on_device(lambda wc: grid.config.device),
        mem_mb=memory("train"),
        runtime=minutes("train"),
    shell:
        'exec phvae train --config "$PHVAE_FROZEN_CONFIG" --dataset {wildcards.dataset:q} --n-train {wildcards.n_train:q}'
        " --variant {wildcards.variant:q} --stack {wildcards.stack:q} >{log:q} 2>&1"


rule encode:
    input:
        paths.manifest("prepare", "{dataset}"),
        stacks_of,
    output:
        paths.manifest("encode", "{dataset}", "{n_train}", "{index}"),
    log:
        paths.log("encode", "{dataset}", "n-{n_train}", "{index}"),
    conda:
        "../../envs/phvae.yaml"
    threads: THREADS
    resources:
        **on_device(lambda wc: grid.config.device),
        mem_mb=memory("encode"),
        runtime=minutes("encode"),
    shell:
        'exec phvae encode --config "$PHVAE_FROZEN_CONFIG" --dataset {wildcards.dataset:q} --n-train {wildcards.n_train:q}'
        " --batch {wildcards.index:q} >{log:q} 2>&1"
