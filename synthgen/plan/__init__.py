"""What is known before a run: checks, estimates, a pilot, and what each audit can detect."""
