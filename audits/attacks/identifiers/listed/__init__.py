"""Find recorded names and addresses in forms other than recorded, and decide which recorded identifiers are leaks."""
