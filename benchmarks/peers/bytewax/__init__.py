"""Bytewax, at least once; in an environment of its own."""
