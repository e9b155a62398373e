"""Parent recovery audit: whether the real records behind a synthetic record can be found."""
