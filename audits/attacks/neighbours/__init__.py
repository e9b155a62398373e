"""Neighbours audit: test whether synthetic records are closer to train than to control."""
