"""Write a text for each new vector, with a language model whose weights do not change.

The model receives the vector as soft tokens (input embeddings) from a trained bridge, or as words in a prompt.
"""
