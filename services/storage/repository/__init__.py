"""Every SQL statement of storage, one module per aggregate; the connection comes first.

Locks are always taken in this order, so that no two transactions wait for each other: bucket,
upload, blob, then files in the order of their paths.
"""
