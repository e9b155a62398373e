"""Write a text for each new vector, with a frozen language model.

The vector reaches the model through a trained bridge as soft tokens (input embeddings), or as words in a prompt.
"""
