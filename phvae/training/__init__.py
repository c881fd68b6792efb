"""Training: batches, stacks of seeds, the loop."""
