"""The decode loop, which writes many texts at once: batching, forward pass of a language model, and sampling."""
