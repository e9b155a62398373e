"""Write the private review page, which a person reads before signing a release, and link it to the signature."""
