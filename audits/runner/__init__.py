"""Run the audits on one set of tables: the registry of audits, checks of the tables, and the run itself."""
