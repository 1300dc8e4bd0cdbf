"""All commits behind some refs, over all parents."""

from collections.abc import AsyncIterator, Iterable

from msgspec import Struct

from libs.client.client import Client
from libs.client.git.ordering import parents_first
from libs.contracts.versioning import CommitInfo

FIRST_PAGE = 16
LONGEST_PAGE = 1000


async def walk(client: Client, bucket: str, heads: Iterable[str]) -> AsyncIterator[CommitInfo]:
    """Yield every commit that leads to ``heads`` once, later ones mostly first.

    A side line usually joins what is known after few commits, so its first pages are short.
    """
    seen: set[str] = set()
    waiting = [*heads]
    while waiting:
        at: str | None = waiting.pop()
        page = FIRST_PAGE
        while at is not None and at not in seen:
            begin, at, count = at, None, 0
            async for commit in client.versions.commits(bucket, ref=begin, limit=page):
                count += 1
                if commit.commit_id in seen:
                    at = None
                    break
                seen.add(commit.commit_id)
                waiting += [each for each in commit.parents[1:] if each not in seen]
                at = commit.parents[0] if commit.parents else None
                yield commit
            page = min(page * 4, LONGEST_PAGE)


class Line(Struct, frozen=True):
    """What has to be known of every commit at once; the rest is asked for when it is needed."""

    parents: list[str]
    tree: str
    git_commit: str | None


def in_order(lines: dict[str, Line], heads: Iterable[str]) -> list[str]:
    """Return the commits, parents first."""
    return parents_first(heads, lambda commit_id: lines[commit_id].parents)
