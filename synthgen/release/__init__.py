"""Write a signed bundle if the policy allows the release of a run, or a signed refusal if it does not."""
