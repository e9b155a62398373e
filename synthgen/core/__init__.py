"""What every room rests on: values, errors, random streams, digests, tables, progress."""
