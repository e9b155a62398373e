"""Models: the store of embedded models, every file pinned by sha256, safetensors only, never remote code."""
