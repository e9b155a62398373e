"""One run of a configuration: its workspace, the stored results of its stages, and the record of the run."""
