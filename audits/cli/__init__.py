"""The command `audits`."""
