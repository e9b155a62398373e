"""The self-test: whether the audits distinguish a leak from chance on the user's data."""
