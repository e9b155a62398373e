"""Carry SynthGen with its packages and models to a machine without a network, in one archive."""
