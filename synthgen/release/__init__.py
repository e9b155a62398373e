"""Write a release that the policy allows (the bundle with its card and its signed statement), or a signed refusal."""
