"""The command line of the audits."""
