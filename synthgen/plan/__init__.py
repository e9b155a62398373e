"""Check a configuration before a run, and estimate the duration, the texts and what the audits can detect."""
