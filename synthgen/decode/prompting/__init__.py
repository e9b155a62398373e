"""Write texts from prompts without a trained bridge; the language model is in a local folder or on a server."""
