"""Proving a history unaltered, and signing it."""

import base64
import hashlib
from collections.abc import AsyncIterator
from typing import Protocol

from libs.client.paging import Page
from libs.client.transport import Params, Transport, segment, segments
from libs.contracts.versioning import SignatureInfo, SigningKey, Verification

SIGNED = b"strongroom-signature-v1\n"


class Signer(Protocol):
    """An Ed25519 key that can sign; ``signing.PrivateKey`` is one, hardware may hold another."""

    @property
    def public_key(self) -> bytes:
        """The 32 bytes of its public half."""

    def sign(self, data: bytes) -> bytes: ...


class Proving:
    """Verification and signatures of every bucket's history."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def verify(
        self, bucket: str, ref: str = "main", *, trees: bool = True
    ) -> AsyncIterator[Verification]:
        """Prove a history part by part, all parents; yield what each part showed."""
        cursor: str | None = None
        while True:
            params: Params = {"ref": ref, "trees": trees, "cursor": cursor}
            part = await self._transport.get(_url(bucket, "verification"), Verification, params)
            yield part
            cursor = part.next
            if cursor is None:
                return

    async def sign_commit(self, bucket: str, commit: str, key: Signer) -> SignatureInfo:
        """Sign a commit, named by its whole id."""
        url = f"{_url(bucket, 'commits')}/{segment(commit)}/signatures"
        return await self._sign(url, "commit", commit, key)

    async def sign_tag(self, bucket: str, name: str, tag_id: str, key: Signer) -> SignatureInfo:
        """Sign a tag: ``tag_id`` is its own id, see ``tags.get``."""
        url = f"{_url(bucket, 'tags')}/{segments(name)}/signatures"
        return await self._sign(url, "tag", tag_id, key)

    async def _sign(self, url: str, kind: str, digest: str, key: Signer) -> SignatureInfo:
        signature = key.sign(SIGNED + f"{kind}\n{digest}".encode())
        body = {
            "key_id": hashlib.sha256(key.public_key).hexdigest(),
            "signature": base64.b64encode(signature).decode(),
        }
        return await self._transport.post(url, SignatureInfo, body)

    async def keys(self, bucket: str) -> list[SigningKey]:
        """Return the keys that are or were trusted in a bucket."""
        return (await self._transport.get(_url(bucket, "signing-keys"), Page[SigningKey])).items

    async def add_key(self, bucket: str, name: str, public_key: bytes) -> SigningKey:
        """Trust an Ed25519 public key (its 32 bytes) to sign commits and tags of a bucket."""
        body = {"name": name, "public_key": base64.b64encode(public_key).decode()}
        return await self._transport.post(_url(bucket, "signing-keys"), SigningKey, body)

    async def remove_key(self, bucket: str, key_id: str) -> None:
        """Trust a key no more; what it signed before stays signed."""
        await self._transport.delete(f"{_url(bucket, 'signing-keys')}/{segment(key_id)}")


def _url(bucket: str, what: str) -> str:
    return f"/buckets/{segment(bucket)}/{what}"
