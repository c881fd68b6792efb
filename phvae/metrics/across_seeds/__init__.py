"""What scores the seeds of one cell together, as `phvae.metrics.scores` does a run."""
