"""Train bridges, with which a language model writes texts from vectors, and style adapters for bridges."""
