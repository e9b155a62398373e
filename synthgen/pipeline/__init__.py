"""One run of a configuration: its workspace, its stages kept by digest, its record."""
