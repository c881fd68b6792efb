"""Reading configurations: strict sections, strict YAML, errors in the user's words (loads no torch)."""
