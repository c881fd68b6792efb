"""The model as users hold it: fit, save, load; tables in their own units."""
