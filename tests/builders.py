"""Builders of valid things; a test changes only what it is about."""

from uuid import uuid4


def a_bucket_name(topic: str = "test") -> str:
    """Return a bucket name that no other test uses."""
    return f"{topic}-{uuid4().hex[:12]}"
