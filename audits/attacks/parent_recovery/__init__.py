"""Whether the records a synthetic one was made from can be found."""
