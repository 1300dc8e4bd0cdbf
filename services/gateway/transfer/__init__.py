"""Bytes on their way through: never all of them at once, never unverified."""
