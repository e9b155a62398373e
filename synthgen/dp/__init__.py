"""Differential privacy: the DP queries of a run, their noise, their budget and the model built from their results."""
