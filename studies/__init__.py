"""The studies of `docs/studies`: experiments of two papers, the cost of differential privacy, ways to write texts."""
