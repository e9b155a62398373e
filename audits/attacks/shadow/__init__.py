"""Shadow attack: test whether reruns of the generator with and without a person can be distinguished."""
