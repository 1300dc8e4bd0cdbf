"""Every SQL statement of the backup service, one module for each aggregate."""
