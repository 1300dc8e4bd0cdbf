import pytest

from services.storage.domain.errors import BucketClosing, BucketNotFound
from tests.domain.storage.builders import a_bucket


def test_only_an_open_bucket_takes_changes() -> None:
    a_bucket("open").check_open()
    with pytest.raises(BucketClosing):
        a_bucket("closing").check_open()
    with pytest.raises(BucketNotFound):
        a_bucket("deleted").check_open()
