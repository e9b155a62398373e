"""Write texts with vLLM, a fast engine for language models on a GPU, in a separate process."""
