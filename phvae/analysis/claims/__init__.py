"""What is claimed, what the runs say of it."""
