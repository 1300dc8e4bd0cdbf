"""A download into a local file: whole and verified under its name, or not there at all.

The bytes gather in a hidden part file beside the destination, named after both; what an
interrupted download leaves is continued by the next one if the content is still the same.
"""

import asyncio
import hashlib
import os
import re
import secrets
from contextlib import aclosing, suppress
from pathlib import Path
from typing import BinaryIO

from libs.client.digests import PIECE_BYTES
from libs.client.failures import DigestMismatch
from libs.client.meter import Meter, OnBytes
from libs.client.reading import Piece, Position, read
from libs.client.transport import Params, Transport

WORTH_KEEPING_BYTES = 1 << 20
"""Less than this is fetched again rather than left lying about."""

_LEFT = re.compile(r"^\.strongroom-[0-9a-f]{16}-(?P<sha256>[0-9a-f]{64})\.part$")


async def download(
    transport: Transport,
    path: str,
    to: Path,
    *,
    params: Params | None = None,
    on_bytes: OnBytes | None = None,
) -> str | None:
    """Fetch ``path`` into ``to``, replacing what is there in one step; return its sha256."""
    await asyncio.to_thread(to.parent.mkdir, parents=True, exist_ok=True)
    meter = Meter(on_bytes)
    part = await asyncio.to_thread(_part_beside, to)
    try:
        meter.add(part.position.offset)
        pieces = read(transport, path, params=params, position=part.position)
        async with aclosing(pieces):
            async for piece in pieces:
                if piece.offset == 0 and not piece.content:
                    meter.restart()
                await asyncio.to_thread(part.write, piece)
                meter.add(len(piece.content))
        await asyncio.to_thread(part.become, to)
    except BaseException as failure:
        meter.restart()
        part.leave(keep=not isinstance(failure, DigestMismatch))
        raise
    return part.position.sha256


class _Part:
    """The bytes that have arrived so far, under a name that no other process uses."""

    def __init__(self, path: Path, file: BinaryIO, stem: str) -> None:
        self._path = path
        self._file = file
        self._stem = stem
        self.position = Position()

    def take_over(self, sha256: str) -> None:
        """Hash again what an earlier try left of the content with this digest."""
        self.position.sha256 = sha256
        while piece := self._file.read(PIECE_BYTES):
            self.position.advance(piece)

    def write(self, piece: Piece) -> None:
        """Keep a piece; one at offset 0 throws away what was before."""
        if piece.offset == 0:
            self._file.seek(0)
            self._file.truncate()
        self._file.write(piece.content)

    def become(self, to: Path) -> None:
        """Make the verified bytes appear as ``to``."""
        self._file.close()
        self._path.replace(to)

    def leave(self, *, keep: bool) -> None:
        """Close, and keep the bytes only if that saves the next try some work."""
        self._file.close()
        sha256 = self.position.sha256
        if keep and sha256 and self.position.offset >= WORTH_KEEPING_BYTES:
            self._path.replace(self._path.with_name(f"{self._stem}-{sha256}.part"))
        else:
            self._path.unlink(missing_ok=True)


def _part_beside(to: Path) -> _Part:
    """Return what an earlier try left, or an empty part."""
    stem = f".strongroom-{hashlib.sha256(os.fsencode(to.name)).hexdigest()[:16]}"
    path = to.parent / f"{stem}-{secrets.token_hex(8)}.part"
    for left in to.parent.glob(f"{stem}-*.part"):
        match = _LEFT.match(left.name)
        with suppress(FileNotFoundError):  # somebody else was faster in claiming it
            if match is not None:
                part = _Part(left.rename(path), path.open("r+b"), stem)
                part.take_over(match["sha256"])
                return part
    return _Part(path, path.open("xb"), stem)
