"""Compare classifiers trained on synthetic records with classifiers trained on augmented real records."""
