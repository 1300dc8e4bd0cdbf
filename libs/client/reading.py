"""Reading a file's bytes: verified, and continued where the connection broke."""

import hashlib
from collections.abc import AsyncGenerator

import httpx
from msgspec import Struct

from libs.client.digests import PIECE_BYTES, etag, sha256_in
from libs.client.failures import (
    ApiProblem,
    ChangedMeanwhile,
    DigestMismatch,
    UnexpectedAnswer,
)
from libs.client.transport import Params, Transport


class Piece(Struct, frozen=True):
    """Bytes that begin at ``offset``; offset 0 again means that everything starts anew."""

    offset: int
    content: bytes


class Position:
    """How far a reading has come, and in which content."""

    def __init__(self, sha256: str | None = None) -> None:
        self.sha256 = sha256
        self.digest = hashlib.sha256()
        self.offset = 0
        self.size: int | None = None

    def advance(self, content: bytes) -> Piece:
        """Move behind ``content`` and return it as a piece."""
        piece = Piece(self.offset, content)
        self.digest.update(content)
        self.offset += len(content)
        return piece

    def headers(self) -> dict[str, str]:
        """Return the headers that ask for the rest, if the content is still the same."""
        plain = {"Accept-Encoding": "identity"}
        if not self.offset or self.sha256 is None:
            return plain
        return {**plain, "Range": f"bytes={self.offset}-", "If-Range": etag(self.sha256)}

    def take_up(self, response: httpx.Response) -> None:
        """Prepare for what a response brings: the rest of what is known, or all of something."""
        if response.status_code == 206:
            if not response.headers.get("content-range", "").startswith(f"bytes {self.offset}-"):
                raise UnexpectedAnswer("asked for the rest of a file, got another range")
            return
        self.restart()
        self.sha256 = sha256_in(response.headers.get("repr-digest")) or _strong_tag(response)
        length = response.headers.get("content-length")
        self.size = int(length) if length else None

    def restart(self) -> None:
        """Go back to the first byte."""
        self.digest = hashlib.sha256()
        self.offset = 0
        self.size = None


async def read(
    transport: Transport,
    path: str,
    *,
    params: Params | None = None,
    position: Position | None = None,
) -> AsyncGenerator[Piece, None]:
    """Yield a file's content from ``position`` on.

    A broken connection is taken up again where it broke. Raises ``DigestMismatch`` at the end when
    the whole is not what its digest promised: until then the bytes are not to be trusted.
    """
    at = position or Position()
    tried = 0
    while at.size is None or at.offset < at.size or tried == 0:
        before = at.offset
        tried += 1
        try:
            async with transport.stream(path, params=params, headers=at.headers()) as response:
                at.take_up(response)
                if at.offset == 0:
                    yield Piece(0, b"")
                async for content in response.aiter_raw(PIECE_BYTES):
                    yield at.advance(content)
            break
        except httpx.TransportError as error:
            # Progress earns patience: only tries in a row that brought nothing are counted.
            tried = 1 if at.offset > before else tried
            await transport.pause_after(error, tried, again=True)
        except ApiProblem as problem:
            if problem.status != 416:
                await transport.pause_after(problem, tried, again=True)
            elif not at.offset:
                raise
            else:
                at.restart()
    if at.sha256 is not None and at.digest.hexdigest() != at.sha256:
        raise DigestMismatch("the bytes that arrived do not have the sha256 that was promised")


async def read_once(
    transport: Transport, path: str, *, params: Params | None = None
) -> AsyncGenerator[bytes, None]:
    """Yield a file's content to someone who cannot take bytes back."""
    told = 0
    async for piece in read(transport, path, params=params):
        if piece.offset != told:
            raise ChangedMeanwhile("the file was overwritten while it was being read")
        told += len(piece.content)
        if piece.content:
            yield piece.content


def _strong_tag(response: httpx.Response) -> str | None:
    tag: str = response.headers.get("etag", "").strip('"')
    return tag if len(tag) == 64 else None
