"""The decode loop, which writes many texts at once: forward pass of a language model, sampling and batching."""
