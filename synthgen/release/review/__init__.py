"""Write the private review page, which a person reads before signing a release."""
