"""Decode: convert vectors to texts with a trained bridge and a frozen language model."""
