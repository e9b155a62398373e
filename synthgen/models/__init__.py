"""The local model store. The sha256 of every file is pinned, weights are safetensors, and no model code is run."""
