"""Write texts from prompts instead of through a trained bridge, with a model folder or a server."""
