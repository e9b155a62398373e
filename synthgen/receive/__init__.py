"""What the receiver of a bundle does with it: look into it, compare it with another one, export its records."""
