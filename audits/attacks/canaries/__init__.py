"""Make canaries (fictitious persons in a canary build), and test whether an attacker can tell which were inserted."""
