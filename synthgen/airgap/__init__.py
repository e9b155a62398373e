"""Pack SynthGen, its dependencies and its models into an archive, and install them on a machine without a network."""
