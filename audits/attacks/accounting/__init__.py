"""Whether the privacy budget that is claimed is the one that was spent."""
