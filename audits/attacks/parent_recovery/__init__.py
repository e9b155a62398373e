"""Parent recovery audit: test whether the real records behind a synthetic record can be found."""
