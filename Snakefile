# phvae: PH-VAE (arXiv:2502.02856) against VAE and beta-VAE, over data sets, training sizes, variants and seeds.
#
# The path grammar, under results/{name}/ ({name} is the configuration's own; phvae/experiment/paths.py builds every path):
#   config.json                                           the resolved configuration
#   configs/{hash}.json                                   the same, as the jobs of one start read it
#   data/{dataset}.json                                   manifest of a prepared data set (cache: results/data/)
#   reference/{dataset}.json                              manifest of what all runs on a data set share (reference/{dataset}/)
#   stacks/{dataset}/n-{n_train}/{variant}/{stack}.json   manifest of a stack of trained seeds
#   batches/{stage}/{dataset}/n-{n_train}/{index}.json    manifest of a batch of cells: encode, evaluate, groups
#   stages/{stage}.json                                   manifest of a stage that works on the whole grid
#   runs/{dataset}/n-{n_train}/{variant}/seed-{seed}/     a run's files; not declared, so a rerun keeps finished seeds
#   claims/{sha256}.yaml                                  the claims that runs were trained under
#   runs/{dataset}/n-{n_train}/{variant}/groups.json      scores that need several seeds
#   metrics.parquet metrics.csv                           the long table
#   costs.parquet runs.parquet                            what each run took, where it comes from
#   tables/ figures/ report.html tracking.json            what people read
#   logs/{stage}/...                                      what each job said
#
# A manifest holds the question that its job answered (its code and settings, phvae/experiment/questions.py) and the
# hashes of its files. Manifests that answer another question than today's are made again.
#
# Snakemake owns order, retries and the cluster; each rule is one `phvae` command that can be run by hand.


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        paths.root / "metrics.parquet",
        paths.root / "tables/index.json",
        paths.root / "figures/index.json",
        paths.root / "report.html",
        paths.root / "tracking.json",
    localrule: True
