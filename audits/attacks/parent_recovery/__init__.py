"""Parent recovery audit: test whether the real records from which a synthetic record was mixed can be found."""
