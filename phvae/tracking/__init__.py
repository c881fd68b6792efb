"""An MLflow view of the results that can be rebuilt at any time."""
