"""Targets, and snapshots of buckets in them: taken, verified, restored."""
