"""Decode: vectors through a trained bridge into a frozen language model, which writes the text."""
