"""Shadow attack: whether reruns of the generator with and without a person can be distinguished."""
