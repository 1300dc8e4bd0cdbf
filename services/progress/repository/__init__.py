"""Every SQL statement of the ledger, one module per aggregate."""
