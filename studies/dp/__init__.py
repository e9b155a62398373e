"""The cost of differential privacy by persons, epsilon and mechanism, with runs without a budget as baselines."""
