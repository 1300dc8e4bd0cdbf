"""The order in which histories are written: what a commit names is there before it."""

from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from typing import TypeVar

Id = TypeVar("Id", bound=Hashable)


def parents_first(
    heads: Iterable[Id], parents_of: Callable[[Id], Sequence[Id]], known: Collection[Id] = ()
) -> list[Id]:
    """Return the commits that lead to ``heads``, without ``known`` and what only leads there.

    Without recursion: a history is longer than any stack.
    """
    order: list[Id] = []
    seen: set[Id] = set(known)
    for head in heads:
        waiting = [(head, False)]
        while waiting:
            commit_id, its_parents_are_there = waiting.pop()
            if its_parents_are_there:
                order.append(commit_id)
            elif commit_id not in seen:
                seen.add(commit_id)
                waiting.append((commit_id, True))
                waiting += [(parent, False) for parent in reversed(parents_of(commit_id))]
    return order
