import pytest

from services.storage.domain.buckets import check_bucket_name
from services.storage.domain.errors import BucketClosing, BucketNotFound, InvalidBucketName
from tests.domain.storage.builders import a_bucket


@pytest.mark.parametrize("name", ["abc", "a1-b2", "9lives", "a" * 63])
def test_a_name_that_is_one_token_of_a_subject_is_accepted(name: str) -> None:
    check_bucket_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "ab",
        "a" * 64,
        "Abc",
        "a.b.c",
        "a*c",
        "a>c",
        "-abc",
        "abc-",
        "a b",
        "abc\n",
        "äbc",
        "a/c",
    ],
)
def test_any_other_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidBucketName):
        check_bucket_name(name)


def test_only_an_open_bucket_takes_changes() -> None:
    a_bucket("open").check_open()
    with pytest.raises(BucketClosing):
        a_bucket("closing").check_open()
    with pytest.raises(BucketNotFound):
        a_bucket("deleted").check_open()
