"""Parent recovery audit: test whether the real records that a synthetic record was mixed from can be found."""
