"""Neighbours audit: whether synthetic records lie closer to train than to control."""
