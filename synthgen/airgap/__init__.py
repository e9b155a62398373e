"""Pack SynthGen with its packages and models into one archive, and install it on a machine without a network."""
