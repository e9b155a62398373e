"""The experiment of the SMOTExT paper: train classifiers on real records, on synthetic records, and on both."""
