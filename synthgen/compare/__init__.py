"""Compare synthetic records with standard augmentations of real records."""
