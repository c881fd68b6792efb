"""The model as users hold it: fit, save, load."""
