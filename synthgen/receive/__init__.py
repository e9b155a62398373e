"""Inspect a received bundle, compare it with another bundle, and export its records."""
