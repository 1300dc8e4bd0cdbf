"""What differs between two states of a bucket, and which commit touched what last."""

from collections.abc import AsyncIterator

from libs.client.paging import Page, items
from libs.client.transport import Params, Transport, segment
from libs.contracts.versioning import PathDifference, Touch


class Diffs:
    """Comparing refs; ``now`` is what is there at this moment."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def between(
        self,
        bucket: str,
        source: str,
        target: str = "now",
        *,
        prefix: str = "",
        staged: bool = False,
        limit: int | None = None,
    ) -> AsyncIterator[PathDifference]:
        """Yield what is different at ``target``, by path.

        ``staged``: where ``target`` is a branch, with what is staged on it.
        """
        params: Params = {
            "from": source,
            "to": target,
            "prefix": prefix or None,
            "staged": True if staged else None,
        }
        return items(
            self._transport, _url(bucket, "diff"), Page[PathDifference], params, limit=limit
        )

    def blame(
        self, bucket: str, ref: str = "main", *, prefix: str = "", limit: int | None = None
    ) -> AsyncIterator[Touch]:
        """Yield every file of a ref with the commit that changed it last."""
        params: Params = {"ref": ref, "prefix": prefix or None}
        return items(self._transport, _url(bucket, "blame"), Page[Touch], params, limit=limit)


def _url(bucket: str, what: str) -> str:
    return f"/buckets/{segment(bucket)}/{what}"
