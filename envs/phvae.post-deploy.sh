#!/usr/bin/env bash
# Run by Snakemake inside a new conda environment, in the folder of the checkout.
set -euo pipefail
python -m pip install --quiet --no-deps --config-settings editable_mode=compat --editable .
