"""Which rules can be used, and where to look for what they mean."""

import pytest

from libs.contracts.storage import LifecycleRule
from services.storage.domain.errors import InvalidLifecycle
from services.storage.domain.lifecycle import check_rules, range_of


def a_rule(name: str = "a", **meant: object) -> LifecycleRule:
    return LifecycleRule(id=name, expire_after_days=1, **meant)  # type: ignore[arg-type]


def test_rules_without_a_fault_are_taken() -> None:
    check_rules([])
    check_rules([a_rule(), a_rule("b", prefix="tmp/", tags={"k": "v"})])


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        ([a_rule(), a_rule()], "lifecycle[1].id"),
        ([a_rule("\0")], "lifecycle[0].id"),
        ([a_rule(), a_rule("b", prefix="\ud800")], "lifecycle[1].prefix"),
        ([a_rule(tags={"k": "\n"})], "lifecycle[0].tags"),
    ],
    ids=["twice", "nul", "surrogate", "line-break"],
)
def test_a_faulty_rule_is_named_by_its_field(rules: list[LifecycleRule], field: str) -> None:
    with pytest.raises(InvalidLifecycle) as refused:
        check_rules(rules)

    assert refused.value.fields["field"] == field


@pytest.mark.parametrize("path", ["b/1", "d/", "d/x"])
def test_the_range_holds_all_that_any_rule_means(path: str) -> None:
    span = range_of([a_rule(prefix="d/"), a_rule(prefix="b/")])

    assert span.low <= path < span.high
    assert not span.low <= "a" < span.high
    assert not span.low <= "e" < span.high


def test_a_rule_without_a_prefix_means_the_whole_bucket() -> None:
    span = range_of([a_rule(prefix="d/"), a_rule()])

    assert span.low <= "a" < span.high
    assert span.low <= "\U0010fffd" < span.high
