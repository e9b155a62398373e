"""The experiment of the feature-augmentation paper: some classes have few records, and every method adds vectors."""
