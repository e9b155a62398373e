"""Modules that all other packages use: values, errors, random streams, digests, tables, progress."""
