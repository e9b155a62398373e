"""Linkage audit: test whether synthetic rows reveal unknown facts of train persons, or link their records."""
