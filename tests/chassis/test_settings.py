from pathlib import Path

import pytest

from libs.chassis.settings import ServiceSettings, WrongSettings, load


class Settings(ServiceSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    store_url: str = "memory://"
    roots: tuple[str, ...] = ()


GIVEN = {
    "STRONGROOM_STORAGE_DATABASE_URL": "postgres://storage@127.0.0.1/strongroom",
    "STRONGROOM_STORAGE_NATS_URL": "nats://127.0.0.1:4222",
}


def test_settings_are_read_by_their_names() -> None:
    settings = load(Settings, "storage", GIVEN | {"STRONGROOM_STORAGE_POOL_SIZE": "7"})

    assert settings.pool_size == 7
    assert settings.database_url == GIVEN["STRONGROOM_STORAGE_DATABASE_URL"]


def test_variables_of_other_services_are_none_of_ours() -> None:
    settings = load(Settings, "storage", GIVEN | {"STRONGROOM_BACKUP_POOL_SISE": "7"})

    assert settings == load(Settings, "storage", GIVEN)


def test_lists_are_written_with_commas() -> None:
    given = GIVEN | {
        "STRONGROOM_STORAGE_ROOTS": "/a, /b",
        "STRONGROOM_STORAGE_RETRY_PAUSES_S": "0.5,1",
    }

    settings = load(Settings, "storage", given)

    assert settings.roots == ("/a", "/b")
    assert settings.retry_pauses_s == (0.5, 1.0)


def test_a_secret_is_read_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("s3://key:secret@store/bucket\n")

    settings = load(Settings, "storage", GIVEN | {"STRONGROOM_STORAGE_STORE_URL_FILE": str(secret)})

    assert settings.store_url == "s3://key:secret@store/bucket"


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"STRONGROOM_STORAGE_POOL_SISE": "7"}, "STRONGROOM_STORAGE_POOL_SISE: there is no such"),
        ({"STRONGROOM_STORAGE_POOL_SIZE": "many"}, "STRONGROOM_STORAGE_POOL_SIZE: Expected `int`"),
        (
            {"STRONGROOM_STORAGE_POOL_SIZE": "1"},
            "POOL_SIZE: Expected `int` >= 2",
        ),
        ({"STRONGROOM_STORAGE_STORE_URL_FILE": "/nowhere"}, "STORE_URL_FILE: cannot read"),
        ({"STRONGROOM_STORAGE_DATABASE_URL": ""}, "STRONGROOM_STORAGE_DATABASE_URL: Expected"),
        ({"STRONGROOM_STORAGE_NATS_URL": "hunter2"}, "STRONGROOM_STORAGE_NATS_URL: Expected"),
        ({"STRONGROOM_STORAGE_RELAY_INTERVAL_S": "nan"}, "STRONGROOM_STORAGE_RELAY_INTERVAL_S: "),
        ({"STRONGROOM_STORAGE_LOG_FORMAT": "xml"}, "STRONGROOM_STORAGE_LOG_FORMAT: Invalid"),
    ],
)
def test_one_line_names_the_wrong_variable(wrong: dict[str, str], line: str) -> None:
    with pytest.raises(WrongSettings) as caught:
        load(Settings, "storage", GIVEN | wrong)

    assert line in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_secret_that_is_no_text_is_named(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_bytes(b"\xff\xfe")

    with pytest.raises(
        WrongSettings, match=r"^STRONGROOM_STORAGE_STORE_URL_FILE: .* holds no text$"
    ):
        load(Settings, "storage", GIVEN | {"STRONGROOM_STORAGE_STORE_URL_FILE": str(secret)})


@pytest.mark.parametrize("missing", sorted(GIVEN))
def test_a_missing_variable_is_named(missing: str) -> None:
    given = {name: value for name, value in GIVEN.items() if name != missing}

    with pytest.raises(WrongSettings, match=f"^{missing}: is not set$"):
        load(Settings, "storage", given)
