"""Write the private page on which a person reads records before they sign a release, and link it to the signature."""
