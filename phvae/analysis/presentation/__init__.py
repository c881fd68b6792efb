"""How numbers, metrics and choices of metrics are shown: what tables, figures and the terminal share."""
