"""The stages in their order: load, split, deidentify, embed, interpolate, decode, filter, evaluate."""
