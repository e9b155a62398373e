"""What must hold before a dataset may leave, and the decision."""
