"""Data types, errors, random streams, digests, tables and progress bars, which all other packages use."""
