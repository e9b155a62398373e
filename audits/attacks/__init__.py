"""The attacks, one package per audit."""
