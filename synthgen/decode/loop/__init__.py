"""The decode loop: forward pass of a language model, sampling and batching."""
