"""Write what the gate allows: the bundle, its card, its signed statement; or a signed refusal."""
