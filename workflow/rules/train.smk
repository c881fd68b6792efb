rule train:
    input:
        paths.manifest("prepare", "{dataset}"),
    output:
        paths.manifest("train", "{dataset}", "{n_train}", "{index}"),
    log:
        paths.log("train", "{dataset}", "n-{n_train}", "{index}"),
    priority: urgency("train")
    conda:
        "../../envs/phvae.yaml"
    threads: THREADS
    resources:
        **on_device(model_device("train")),
        mem_mb=memory("train"),
        runtime=minutes("train"),
    shell:
        'exec phvae train --config "$PHVAE_FROZEN_CONFIG" --dataset {wildcards.dataset:q} --n-train {wildcards.n_train:q}'
        " --lot {wildcards.index:q} >{log:q} 2>&1"


rule encode:
    input:
        paths.manifest("prepare", "{dataset}"),
        lots_of,
    output:
        paths.manifest("encode", "{dataset}", "{n_train}", "{index}"),
    log:
        paths.log("encode", "{dataset}", "n-{n_train}", "{index}"),
    priority: urgency("encode")
    conda:
        "../../envs/phvae.yaml"
    threads: THREADS
    resources:
        **on_device(model_device("encode")),
        mem_mb=memory("encode"),
        runtime=minutes("encode"),
    shell:
        'exec phvae encode --config "$PHVAE_FROZEN_CONFIG" --dataset {wildcards.dataset:q} --n-train {wildcards.n_train:q}'
        " --batch {wildcards.index:q} >{log:q} 2>&1"
