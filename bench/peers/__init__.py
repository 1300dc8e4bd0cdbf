"""Strongroom beside servers that people would otherwise choose, on the same files in one run."""
