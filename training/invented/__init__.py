"""Grammars that generate invented texts, to train the styles for which openly licensed text is scarce."""
