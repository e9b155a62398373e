"""Membership audit: whether someone with the release can tell who was in the training data."""
