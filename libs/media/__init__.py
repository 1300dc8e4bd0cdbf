"""What content types and bytes mean, for whoever takes them in or gives them out: pure rules."""

from libs.media.danger import HEAD_BYTES, contradiction, could_run

__all__ = ["HEAD_BYTES", "contradiction", "could_run"]
