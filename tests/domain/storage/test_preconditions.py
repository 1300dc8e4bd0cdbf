import pytest

from libs.contracts.storage import Expectation
from services.storage.domain.errors import PreconditionFailed
from services.storage.domain.preconditions import check_expectation

ONE, OTHER = "1" * 64, "2" * 64


@pytest.mark.parametrize(
    ("expect", "present"),
    [
        (Expectation(), None),
        (Expectation(), ONE),
        (Expectation(absent=True), None),
        (Expectation(any_of=[]), ONE),
        (Expectation(any_of=[OTHER, ONE]), ONE),
    ],
)
def test_what_is_as_expected_goes_on(expect: Expectation, present: str | None) -> None:
    check_expectation(expect, "a", present)


@pytest.mark.parametrize(
    ("expect", "present"),
    [
        (Expectation(absent=True), ONE),
        (Expectation(any_of=[]), None),
        (Expectation(any_of=[ONE]), None),
        (Expectation(any_of=[ONE]), OTHER),
        (Expectation(any_of=[ONE], absent=True), ONE),
        (Expectation(any_of=[ONE], absent=True), None),
    ],
)
def test_what_is_not_as_expected_is_refused(expect: Expectation, present: str | None) -> None:
    with pytest.raises(PreconditionFailed) as refused:
        check_expectation(expect, "a", present)
    assert refused.value.details().status == 412
