"""tus as a client writes it, without a client."""

import base64
import hashlib
from collections.abc import AsyncIterator, Mapping
from uuid import UUID

import httpx
from msgspec import Struct

from libs.chassis.database import Database

ALL = "/api/v1/uploads"
VERSION = {"Tus-Resumable": "1.0.0"}

Body = bytes | AsyncIterator[bytes]


class Tus(Struct, frozen=True):
    """Calls as one caller, into one bucket."""

    http: httpx.AsyncClient
    bucket: str
    key: str | None = None
    """Another than the client's own."""

    async def post(
        self, headers: Mapping[str, str], body: bytes = b"", /, **metadata: str
    ) -> httpx.Response:
        """Begin an upload; into the bucket, where a path is given."""
        sent = self._sent(headers)
        if metadata:
            sent["Upload-Metadata"] = told(**({"bucket": self.bucket} | metadata))
        if body:
            sent["Content-Type"] = "application/offset+octet-stream"
        return await self.http.post(ALL, headers=sent, content=body)

    async def begin(self, length: int, *, path: str = "a/file", **metadata: str) -> str:
        """Return the address of a new upload."""
        answer = await self.post({"Upload-Length": str(length)}, path=path, **metadata)
        assert answer.status_code == 201, answer.text
        location: str = answer.headers["location"]
        return location

    async def patch(
        self, url: str, offset: int, body: Body, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        sent = self._sent(self.patch_headers(offset) | dict(headers or {}))
        return await self.http.patch(url, headers=sent, content=body)

    async def head(self, url: str) -> httpx.Response:
        return await self.http.head(url, headers=self._sent({}))

    async def delete(self, url: str) -> httpx.Response:
        return await self.http.delete(url, headers=self._sent({}))

    @staticmethod
    def patch_headers(offset: int) -> dict[str, str]:
        """Return what every PATCH says."""
        return {
            **VERSION,
            "Upload-Offset": str(offset),
            "Content-Type": "application/offset+octet-stream",
        }

    @staticmethod
    def checksum(algorithm: str, body: bytes) -> str:
        """Return ``Upload-Checksum`` of a body."""
        digest = hashlib.new(algorithm, body).digest()
        return f"{algorithm} {base64.b64encode(digest).decode()}"

    @staticmethod
    def code(answer: httpx.Response) -> str:
        """Return the code of the problem that an answer is."""
        code: str = answer.json()["type"].removeprefix("urn:strongroom:problem:")
        return code

    def _sent(self, headers: Mapping[str, str]) -> dict[str, str]:
        own = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        return {**VERSION, **own, **headers}


async def is_held(storage: Database, url: str) -> bool:
    """Tell whether a request is writing to the upload."""
    async with storage.connection() as conn:
        held: bool = await conn.fetchval(
            "SELECT lease_id IS NOT NULL FROM upload_session WHERE session_id = $1", id_of(url)
        )
    return held


def id_of(url: str) -> UUID:
    """Return which upload is at this address."""
    return UUID(url.rpartition("/")[2])


def told(**metadata: str) -> str:
    """Return ``Upload-Metadata``."""
    return ",".join(
        f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in metadata.items()
    )
