"""The self-test: whether the audits can tell a leak from chance on the user's data."""
