rule train:
    input:
        paths.data("{dataset}"),
    output:
        paths.stack("{dataset}", "{n_train}", "{variant}", "{stack}"),
    log:
        paths.log("train", "{dataset}", "n-{n_train}", "{variant}", "{stack}"),
    conda:
        "../../envs/phvae.yaml"
    threads: THREADS
    resources:
        **on_device(lambda wc: grid.config.device),
        mem_mb=memory("train"),
        runtime=minutes("train"),
    params:
        code=code_of("train"),
        config=str(paths.config),
        cell=lambda wc: cell_of(wc).digest(),
    shell:
        "exec phvae train --config {params.config:q} --dataset {wildcards.dataset:q} --n-train {wildcards.n_train:q}"
        " --variant {wildcards.variant:q} --stack {wildcards.stack:q} >{log:q} 2>&1"


rule encode:
    input:
        paths.data("{dataset}"),
        stacks_of,
    output:
        paths.batch("encode", "{dataset}", "{n_train}", "{index}"),
    log:
        paths.log("encode", "{dataset}", "n-{n_train}", "{index}"),
    conda:
        "../../envs/phvae.yaml"
    threads: THREADS
    resources:
        **on_device(lambda wc: grid.config.device),
        mem_mb=memory("encode"),
        runtime=minutes("encode"),
    params:
        code=code_of("encode"),
        config=str(paths.config),
        batch=batch_digest,
    shell:
        "exec phvae encode --config {params.config:q} --dataset {wildcards.dataset:q} --n-train {wildcards.n_train:q}"
        " --batch {wildcards.index:q} >{log:q} 2>&1"
