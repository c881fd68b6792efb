"""Every figure of a results folder."""
