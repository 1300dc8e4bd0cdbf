"""Pure rules of versioning: trees, commits and named failures."""
