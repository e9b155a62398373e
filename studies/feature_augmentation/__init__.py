"""The feature-augmentation paper's experiment: few records of some classes, every method."""
