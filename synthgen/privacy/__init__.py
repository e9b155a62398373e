"""Differential privacy: one noised sum over persons, and what it costs. Neighbours differ by one whole person."""
