"""Bytes that are to become part of a history, before any path names them."""

import hashlib

from libs.client.digests import repr_digest
from libs.client.failures import DigestMismatch
from libs.client.transport import Transport, decode, segment
from libs.contracts.storage import HeldContent


class Contents:
    """Content of every bucket that no file has to name yet."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def put(self, bucket: str, content: bytes) -> HeldContent:
        """Store bytes and hold them for a commit that names them until ``held_until``."""
        sha256 = hashlib.sha256(content).hexdigest()
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(len(content)),
            "Repr-Digest": repr_digest(sha256),
        }
        response = await self._transport.send(
            "POST", f"/buckets/{segment(bucket)}/contents", headers=headers, content=lambda: content
        )
        held = decode(response, HeldContent)
        if held.sha256 != sha256:
            raise DigestMismatch("what is held is not what was sent")
        return held
