"""Linkage audit: test whether synthetic rows reveal hidden facts about training persons, or can be linked to them."""
