"""New vectors from noised statistics of the persons: nothing of anybody else's vector is read after that."""
