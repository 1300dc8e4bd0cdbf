"""What a commit says where nobody gave it a message."""


def many_files(count: int) -> str:
    """Return ``1 file`` or ``2 files``."""
    return f"{count} file" if count == 1 else f"{count} files"
