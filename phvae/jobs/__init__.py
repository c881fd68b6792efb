"""What a rule of the workflow runs: files in, files out."""
