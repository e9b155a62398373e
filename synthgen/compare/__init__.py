"""Compare synthetic records with usual ways to augment real records."""
