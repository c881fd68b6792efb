"""Every table of a results folder, as data and as CSV, Markdown and LaTeX."""
