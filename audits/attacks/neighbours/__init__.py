"""Neighbours audit: test whether synthetic records are closer to training records than to unseen records."""
