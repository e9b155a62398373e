"""Verify a signed bundle offline."""
