"""Check a configuration before a run, and estimate its duration, its texts, and what its audits can detect."""
