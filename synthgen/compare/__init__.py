"""Compare classifiers that are trained on synthetic records, on real records, and on augmented real records."""
