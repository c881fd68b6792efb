rule collect:
    input:
        every_batch("evaluate"),
    output:
        paths.root / "metrics.parquet",
        paths.root / "metrics.csv",
        paths.root / "costs.parquet",
        paths.root / "runs.parquet",
        paths.manifest("collect"),
    log:
        paths.log("collect"),
    localrule: True
    conda:
        "../../envs/phvae.yaml"
    shell:
        'exec phvae collect --config "$PHVAE_FROZEN_CONFIG" >{log:q} 2>&1'


rule tables:
    input:
        paths.manifest("collect"),
    output:
        paths.root / "tables/index.json",
        paths.manifest("tables"),
    log:
        paths.log("tables"),
    localrule: True
    conda:
        "../../envs/phvae.yaml"
    shell:
        'exec phvae tables --config "$PHVAE_FROZEN_CONFIG" >{log:q} 2>&1'


rule figures:
    input:
        paths.manifest("collect"),
    output:
        paths.root / "figures/index.json",
        paths.manifest("figures"),
    log:
        paths.log("figures"),
    localrule: True
    conda:
        "../../envs/phvae.yaml"
    # no byte depends on it; Snakemake gives what there is
    threads: 8
    shell:
        'exec phvae figures --config "$PHVAE_FROZEN_CONFIG" --threads {threads} >{log:q} 2>&1'


rule report:
    input:
        paths.manifest("tables"),
        paths.manifest("figures"),
    output:
        paths.root / "report.html",
        paths.manifest("report"),
    log:
        paths.log("report"),
    localrule: True
    conda:
        "../../envs/phvae.yaml"
    shell:
        'exec phvae report --config "$PHVAE_FROZEN_CONFIG" >{log:q} 2>&1'


rule track:
    input:
        paths.manifest("report"),
    output:
        paths.root / "tracking.json",
        paths.manifest("track"),
    log:
        paths.log("track"),
    localrule: True
    conda:
        "../../envs/phvae.yaml"
    shell:
        'exec phvae track --config "$PHVAE_FROZEN_CONFIG" >{log:q} 2>&1'


# Asked for by name (`snakemake --cores 2 paper`); without an output it is made each time.
rule paper:
    input:
        paths.manifest("tables"),
        paths.manifest("figures"),
    log:
        paths.log("paper"),
    localrule: True
    conda:
        "../../envs/phvae.yaml"
    shell:
        'phvae paper --config "$PHVAE_FROZEN_CONFIG" 2>&1 | tee {log:q}'
