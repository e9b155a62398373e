"""The model store: a local folder of models with known sha256 digests of all files. No code in the folder is run."""
