"""The model store: a local folder of models whose files must have known sha256 digests. No code in it is run."""
