"""Running the audits on one set of tables: which, on what, how often."""
