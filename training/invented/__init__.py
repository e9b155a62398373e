"""Texts of a manner that nobody wrote: grammars, to train manners on where openly licensed text is scarce."""
