"""Verifying a signed bundle offline."""
