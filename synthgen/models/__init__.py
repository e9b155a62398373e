"""The store of local models: every file is pinned by sha256, in safetensors, and no model code is run."""
