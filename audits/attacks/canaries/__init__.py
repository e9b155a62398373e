"""Canaries audit: make invented persons (canaries), and test whether the generator's output reveals which it saw."""
