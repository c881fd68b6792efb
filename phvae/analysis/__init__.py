"""From runs to knowledge: the long table, statistics, claims, tables, figures, report (loads no torch)."""
