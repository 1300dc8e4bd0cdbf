import pytest
from msgspec import structs

from services.backup.domain import target_config
from services.backup.domain.errors import TargetUnusable
from services.backup.domain.target_config import FORMAT, TargetConfig
from tests.domain.backup.builders import NOON, REPOSITORY_ID

pytestmark = pytest.mark.domain

CONFIG = TargetConfig(
    format=FORMAT, repository_id=REPOSITORY_ID, required_features=[], created_at=NOON
)


def test_a_config_comes_back_from_its_bytes() -> None:
    assert target_config.decode(target_config.encode(CONFIG)) == CONFIG


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not json",
        target_config.encode(structs.replace(CONFIG, format="v7")),
        target_config.encode(structs.replace(CONFIG, required_features=["encryption"])),
    ],
)
def test_a_repository_that_this_program_does_not_know_is_not_touched(data: bytes) -> None:
    with pytest.raises(TargetUnusable):
        target_config.decode(data)
