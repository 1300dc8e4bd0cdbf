"""The documents that are generated from the code: ``python -m docs.reference [--check]``."""
