"""Membership audit: test whether someone with the release can determine who was in the training data."""
