"""Find recorded names and addresses in other forms, and decide which recorded identifiers are leaks."""
