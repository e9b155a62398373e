"""The studies: the experiments of two papers, the cost of differential privacy, and ways to write texts."""
