"""Write a signed bundle if the policy allows the release of a run, and otherwise a signed refusal."""
