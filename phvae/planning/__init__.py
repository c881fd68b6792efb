"""What a grid will take: minutes and memory, measured or assumed (loads no torch)."""
