"""The local model store. Every file has a pinned sha256, weights are safetensors, and code of models is never run."""
