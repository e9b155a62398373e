"""The experiment of the SMOTExT paper: classifiers trained on real records, on synthetic records, and on both."""
