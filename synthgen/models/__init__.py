"""The local model store. The sha256 of every model file is pinned, and code in a model folder is never run."""
