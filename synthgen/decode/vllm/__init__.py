"""Write texts with vLLM, which runs in a process of its own."""
