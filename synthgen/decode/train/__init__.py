"""Train bridges and styles."""
