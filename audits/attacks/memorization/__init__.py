"""Whether the synthetic table repeats somebody's words."""
