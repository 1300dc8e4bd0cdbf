"""A bucket as tests use it: real bytes in the real store, then one request each."""

import hashlib
from typing import Any, Protocol

from libs.blobs import BlobStore
from libs.contracts.base import R, Request
from libs.contracts.storage import (
    ApplyChanges,
    BeginUpload,
    Change,
    ChangesApplied,
    CommitUpload,
    DeleteFile,
    FileInfo,
    FileList,
    FilePut,
    GetFile,
    ListFiles,
    StoredFile,
    UploadTicket,
)

ACTOR = "key:test"


class Ask(Protocol):
    """The fixture ``ask``."""

    async def __call__(self, request: Request[R], *, timeout_s: float = 10.0) -> R: ...


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


class Bucket:
    """One bucket of the running platform."""

    def __init__(self, ask: Ask, store: BlobStore, name: str) -> None:
        self.ask = ask
        self.store = store
        self.name = name

    async def begin(self, path: str, body: bytes, **wish: Any) -> UploadTicket:
        """Begin an upload and put its bytes where the ticket says."""
        wish = {"actor": ACTOR} | wish
        ticket = await self.ask(BeginUpload(bucket=self.name, path=path, **wish))
        await self.store.put(ticket.key, body)
        return ticket

    async def commit(self, ticket: UploadTicket, body: bytes) -> FilePut:
        return await self.ask(
            CommitUpload(upload_id=ticket.upload_id, sha256=digest(body), size=len(body))
        )

    async def put(self, path: str, body: bytes = b"body", **wish: Any) -> FilePut:
        return await self.commit(await self.begin(path, body, **wish), body)

    async def get(self, path: str) -> StoredFile:
        return await self.ask(GetFile(bucket=self.name, path=path))

    async def read(self, path: str) -> bytes:
        """Return the bytes that the file has now."""
        return await (await self.store.get((await self.get(path)).blob.key)).read()

    async def delete(self, path: str, **wish: Any) -> None:
        await self.ask(DeleteFile(bucket=self.name, path=path, **({"actor": ACTOR} | wish)))

    async def list(self, **wish: Any) -> FileList:
        return await self.ask(ListFiles(bucket=self.name, **wish))

    async def all(self) -> dict[str, FileInfo]:
        """Return every file, for buckets of up to 1,000."""
        return {file.path: file for file in (await self.list(limit=1000)).items}

    async def change(self, *changes: Change, **wish: Any) -> ChangesApplied:
        wish = {"actor": ACTOR} | wish
        return await self.ask(ApplyChanges(bucket=self.name, changes=list(changes), **wish))


class Making(Protocol):
    """The fixture ``a_bucket_with``."""

    async def __call__(self, **settings: Any) -> Bucket: ...
