"""Merging branches."""

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from libs.client.failures import ApiProblem
from libs.client.transport import Transport, segment
from libs.contracts.versioning import Conflict, Merged, Resolution, Side

CONFLICT = "merge-conflict"


class Conflicts(Struct, frozen=True, kw_only=True):
    """What a merge, revert or cherry-pick that was refused tells."""

    conflicts: list[Conflict] = []
    conflicts_total: int = 0


class Merges:
    """Bringing what was done on one branch to another."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def merge(
        self,
        bucket: str,
        source: str,
        *,
        into: str = "main",
        message: str = "",
        metadata: Mapping[str, str] | None = None,
        resolutions: Mapping[str, Resolution] | None = None,
        otherwise: Side | None = None,
        squash: bool = False,
        dry_run: bool = False,
        expect_head: str | None = None,
    ) -> Merged:
        """Merge ``source`` into a branch: three-way, path by path, all or nothing.

        ``resolutions`` says per path which side or content wins, ``otherwise`` which side wins
        wherever both changed. Raises ``ApiProblem`` 409 ``merge-conflict`` for what is left, see
        ``conflicts_in``; a ``dry_run`` answers with it instead, and changes nothing.
        """
        body: dict[str, object] = {
            "from": source,
            "into": into,
            "message": message,
            "metadata": metadata or {},
            "resolutions": resolutions or {},
            "squash": squash,
            "dry_run": dry_run,
        }
        optional = {"otherwise": otherwise, "expect_head": expect_head}
        body |= {name: value for name, value in optional.items() if value is not None}
        return await self._transport.post(f"/buckets/{segment(bucket)}/merges", Merged, body)


def conflicts_in(problem: ApiProblem) -> Conflicts | None:
    """Return the conflicts that a problem carries; None when it is another problem."""
    if problem.code != CONFLICT:
        return None
    return msgspec.convert(problem.fields, Conflicts)
