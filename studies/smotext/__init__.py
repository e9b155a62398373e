"""The SMOTExT paper's experiment: real records, synthetic ones, and both."""
