"""Whether the audits can tell a leak from chance on these people."""
