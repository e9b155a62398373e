"""What differential privacy costs: by persons, epsilon and mechanism, beside no guarantee and nothing learned."""
