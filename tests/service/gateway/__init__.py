"""A package, so that its platform ends with its tests."""
