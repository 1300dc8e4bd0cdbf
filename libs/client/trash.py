"""The trash of a bucket: what is in it, back from it, and out of it for good."""

from collections.abc import AsyncIterator, Sequence

from libs.client.paging import Page, items
from libs.client.transport import Transport, decode, segment
from libs.contracts.storage import TrashedFile, TrashEmptied, TrashRestored


class Trash:
    """Deleted files, for as long as their bucket keeps them (``trash_s``)."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(
        self, bucket: str, prefix: str = "", *, limit: int | None = None
    ) -> AsyncIterator[TrashedFile]:
        """Yield deleted files by path; of a path that is there twice the newest comes first."""
        return items(
            self._transport, _url(bucket), Page[TrashedFile], {"prefix": prefix}, limit=limit
        )

    async def restore(
        self,
        bucket: str,
        *,
        paths: Sequence[str] | None = None,
        prefix: str | None = None,
        into: str = "",
        overwrite: bool = False,
        message: str = "",
    ) -> TrashRestored:
        """Bring files back, either ``paths`` or what is below ``prefix``: all of them, or none.

        ``into`` is put in front of every path. Raises ``ApiProblem`` 409 ``file-exists``.
        """
        chosen = {"paths": list(paths)} if paths is not None else {"prefix": prefix}
        body = {"into": into, "overwrite": overwrite, "message": message, **chosen}
        return await self._transport.post(f"{_url(bucket)}/restores", TrashRestored, body)

    async def empty(
        self, bucket: str, *, path: str | None = None, prefix: str | None = None
    ) -> TrashEmptied:
        """Forget one file, or all below ``prefix``; versions stay where history keeps them."""
        chosen = {"path": path, "prefix": prefix}
        return decode(await self._transport.delete(_url(bucket), params=chosen), TrashEmptied)


def _url(bucket: str) -> str:
    return f"/buckets/{segment(bucket)}/trash"
