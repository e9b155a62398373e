"""Run a configuration: order the stages, store their results in the workspace, and write the record of the run."""
