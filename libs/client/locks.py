"""Retention locks and legal holds of files and their versions."""

from collections.abc import AsyncIterator
from datetime import datetime

import msgspec

from libs.client.paging import Page, items
from libs.client.transport import Transport, decode, segment
from libs.contracts.storage import FileLock, LockMode


class Locks:
    """What keeps files as they are."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def get(self, bucket: str, path: str, *, version: int | None = None) -> FileLock:
        """Return the lock of a file, or of one of its versions."""
        asked = {"path": path, "version": version}
        return await self._transport.get(f"{_url(bucket)}/lock", FileLock, asked)

    async def set(
        self,
        bucket: str,
        path: str,
        *,
        version: int | None = None,
        mode: LockMode | None = None,
        retain_until: datetime | None = None,
        legal_hold: bool = False,
        bypass_governance: bool = False,
    ) -> FileLock:
        """Lock a state in place of how it was locked; with nothing given, unlock it.

        Raises ``ApiProblem`` 403 ``lock-kept`` for a lock that is not the caller's to lift.
        """
        body = msgspec.json.encode(
            {
                "mode": mode,
                "retain_until": retain_until,
                "legal_hold": legal_hold,
                "bypass_governance": bypass_governance,
            }
        )
        response = await self._transport.send(
            "PUT",
            f"{_url(bucket)}/lock",
            params={"path": path, "version": version},
            headers={"Content-Type": "application/json"},
            content=lambda: body,
        )
        return decode(response, FileLock)

    def list(
        self, bucket: str, prefix: str = "", *, limit: int | None = None
    ) -> AsyncIterator[FileLock]:
        """Yield what is locked now, by path and version."""
        url = f"{_url(bucket)}/locks"
        return items(self._transport, url, Page[FileLock], {"prefix": prefix}, limit=limit)


def _url(bucket: str) -> str:
    return f"/buckets/{segment(bucket)}"
