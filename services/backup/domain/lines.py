"""Lines out of pieces of any length."""

from collections.abc import Iterator

MAX_LINE_BYTES = 1024 * 1024


class LineTooLong(ValueError):
    """No line ends within ``MAX_LINE_BYTES``: this is no list of files."""


class LineSplitter:
    """Cuts pieces as they come into whole lines, and keeps the beginning of the next one."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Yield the lines that end in ``piece``, without their line feed."""
        *lines, rest = piece.split(b"\n")
        for line in lines:
            yield self._rest + line
            self._rest = b""
        self._rest += rest
        if len(self._rest) > MAX_LINE_BYTES:
            raise LineTooLong(f"no line ends within {MAX_LINE_BYTES} bytes")

    def unfinished(self) -> bytes:
        """Return what came after the last line feed; nothing, when the source was whole."""
        return self._rest
