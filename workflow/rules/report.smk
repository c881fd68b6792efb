rule collect:
    input:
        every_batch("evaluate"),
        every_batch("groups"),
    output:
        paths.root / "metrics.parquet",
        paths.root / "metrics.csv",
        paths.root / "costs.parquet",
        paths.root / "runs.parquet",
    log:
        paths.log("collect"),
    localrule: True
    conda:
        "../../envs/phvae.yaml"
    params:
        code=code_of("collect"),
        config=str(paths.config),
        labels=str(grid.labels),
        off_curve=sorted(grid.off_curve),
        baseline=grid.config.baseline,
    shell:
        "exec phvae collect --config {params.config:q} >{log:q} 2>&1"


rule tables:
    input:
        paths.root / "metrics.parquet",
        paths.root / "costs.parquet",
        paths.root / "runs.parquet",
        [str(grid.claims)] if grid.claims else [],
        "config/published.csv",
    output:
        paths.root / "tables/index.json",
    log:
        paths.log("tables"),
    localrule: True
    conda:
        "../../envs/phvae.yaml"
    params:
        code=code_of("tables"),
        config=str(paths.config),
        baseline=grid.config.baseline,
        labels=str(grid.labels),
    shell:
        "exec phvae tables --config {params.config:q} >{log:q} 2>&1"


rule figures:
    input:
        paths.root / "metrics.parquet",
    output:
        paths.root / "figures/index.json",
    log:
        paths.log("figures"),
    localrule: True
    conda:
        "../../envs/phvae.yaml"
    params:
        code=code_of("figures"),
        config=str(paths.config),
        baseline=grid.config.baseline,
        labels=str(grid.labels),
    shell:
        "exec phvae figures --config {params.config:q} >{log:q} 2>&1"


rule report:
    input:
        paths.root / "tables/index.json",
        paths.root / "figures/index.json",
    output:
        paths.root / "report.html",
    log:
        paths.log("report"),
    localrule: True
    conda:
        "../../envs/phvae.yaml"
    params:
        code=code_of("report"),
        config=str(paths.config),
        printed=sha256_text(grid.config.model_dump_json()),  # the page shows the configuration
    shell:
        "exec phvae report --config {params.config:q} >{log:q} 2>&1"


rule track:
    input:
        paths.root / "report.html",
    output:
        paths.root / "tracking.json",
    log:
        paths.log("track"),
    localrule: True
    conda:
        "../../envs/phvae.yaml"
    params:
        code=code_of("track"),
        config=str(paths.config),
    shell:
        "exec phvae track --config {params.config:q} >{log:q} 2>&1"
