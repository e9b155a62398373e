"""Whether somebody can tell who was in the training data."""
