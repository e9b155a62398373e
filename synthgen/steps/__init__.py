"""What each stage reads and leaves in the workspace; the rooms do the work, the pipeline knows the order."""
