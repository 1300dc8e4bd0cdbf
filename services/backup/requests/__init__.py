"""The answers of the backup service, one module for each aggregate."""
