"""Whether known parts of a person complete, join or find the rest."""
