"""Write texts for each interpolated vector with a language model.

The model receives the vector as soft tokens (input embeddings) from a trained bridge, or as words in a prompt.
"""
