"""Release policies, and the decision whether a dataset may be released."""
