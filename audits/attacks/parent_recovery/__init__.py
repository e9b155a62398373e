"""Parent recovery audit: test whether the real records in the mixture of a synthetic record can be found."""
