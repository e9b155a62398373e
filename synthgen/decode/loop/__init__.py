"""The decode loop: a language model's forward pass, sampling and batching."""
