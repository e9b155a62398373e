"""Memorization audit: verbatim and near copies of single persons' text."""
