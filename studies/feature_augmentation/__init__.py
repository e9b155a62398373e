"""The experiment of the feature-augmentation paper: methods add vectors to classes with few records."""
