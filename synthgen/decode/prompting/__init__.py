"""Write texts from prompts, without a trained bridge: with a model folder, or with a server of a language model."""
