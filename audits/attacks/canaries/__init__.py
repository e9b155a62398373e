"""Canaries (fictitious persons in a canary build), and the test whether an attacker can tell which were inserted."""
