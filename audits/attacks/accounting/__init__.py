"""Check whether the claimed privacy budget is the one that was spent."""
