"""Which lifecycle rules can be used, and where in a bucket to look for what they mean."""

from collections.abc import Sequence
from typing import NamedTuple

from libs.contracts.labels import check_tags
from libs.contracts.paths import check_search_text
from libs.contracts.problems import Problem
from libs.contracts.storage import LifecycleRule
from services.storage.domain.errors import InvalidLifecycle
from services.storage.domain.listing import end_of


class Range(NamedTuple):
    """All paths from ``low`` and before ``high``."""

    low: str
    high: str


def check_rules(rules: Sequence[LifecycleRule]) -> None:
    """Raise ``InvalidLifecycle``, naming the field, for rules that cannot mean anything."""
    seen: set[str] = set()
    for at, rule in enumerate(rules):
        if rule.id in seen:
            raise InvalidLifecycle(f"{rule.id!r} is there twice", field=f"lifecycle[{at}].id")
        seen.add(rule.id)
        try:
            check_search_text(rule.id, "id")
            check_search_text(rule.prefix, "prefix")
            check_tags(rule.tags)
        except Problem as problem:
            wrong = problem.fields.get("field", "")
            raise InvalidLifecycle(problem.detail, field=f"lifecycle[{at}].{wrong}") from problem


def range_of(rules: Sequence[LifecycleRule]) -> Range:
    """Return where everything lies that ``rules``, one at least, can mean."""
    return Range(min(rule.prefix for rule in rules), max(end_of(rule.prefix) for rule in rules))
