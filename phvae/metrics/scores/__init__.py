"""What scores one run: each module holds its entries and the function that computes their rows."""
