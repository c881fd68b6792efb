"""The long table and what lies beside it: collecting, reading, roles of variants."""
