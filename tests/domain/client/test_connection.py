"""The platform is found where it was said to be, and a key goes nowhere else."""

import json
from pathlib import Path

import pytest

from libs.client.connection import (
    Connection,
    Profile,
    config_path,
    find_connection,
    read_config,
    write_profile,
)
from libs.client.failures import ClientFailure, NoPlatform


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path / "home")}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    run_file = tmp_path / "checkout" / ".strongroom" / "run.json"
    run_file.parent.mkdir(parents=True)
    run_file.write_text(
        json.dumps({"url": "http://127.0.0.1:8080", "admin_key": "sr_run", "nats_url": "…"})
    )
    return tmp_path / "checkout"


def remember(home: dict[str, str], name: str, url: str, key: str) -> None:
    write_profile(config_path(home), name, Profile(url=url, key=key))


def test_a_checkout_that_runs_is_found_from_any_directory_in_it(
    home: dict[str, str], checkout: Path
) -> None:
    inside = checkout / "services" / "storage"
    inside.mkdir(parents=True)

    found = find_connection(environ=home, start=inside)

    assert (found.url, found.key) == ("http://127.0.0.1:8080", "sr_run")
    assert found.found_in.endswith("run.json")


def test_what_is_said_counts_more_than_environment_profile_and_checkout(
    home: dict[str, str], checkout: Path
) -> None:
    remember(home, "work", "http://profile", "sr_profile")
    environ = home | {"STRONGROOM_URL": "http://environ/", "STRONGROOM_API_KEY": "sr_environ"}

    said = find_connection("http://said", "sr_said", environ=environ, start=checkout)
    from_environment = find_connection(environ=environ, start=checkout)
    from_profile = find_connection(environ=home, start=checkout)

    assert (said.url, said.key) == ("http://said", "sr_said")
    assert (from_environment.url, from_environment.key) == ("http://environ", "sr_environ")
    assert (from_profile.url, from_profile.key) == ("http://profile", "sr_profile")


def test_a_named_profile_counts_more_than_the_environment(home: dict[str, str]) -> None:
    remember(home, "work", "https://work.example", "sr_work")
    remember(home, "home", "https://home.example", "sr_home")
    environ = home | {"STRONGROOM_URL": "http://environ", "STRONGROOM_API_KEY": "sr_environ"}

    assert find_connection(profile="work", environ=environ).url == "https://work.example"


def test_a_key_never_travels_to_an_address_that_it_was_not_found_with(
    home: dict[str, str], checkout: Path
) -> None:
    remember(home, "work", "https://work.example", "sr_work")
    environ = home | {"STRONGROOM_URL": "http://environ", "STRONGROOM_API_KEY": "sr_environ"}

    stranger = find_connection("https://stranger.example", environ=environ, start=checkout)
    friend = find_connection("https://work.example", environ=environ, start=checkout)

    assert stranger.key is None
    assert friend.key == "sr_work"


def test_a_key_in_the_environment_alone_opens_whatever_is_found(
    home: dict[str, str], checkout: Path
) -> None:
    environ = home | {"STRONGROOM_API_KEY": "sr_mine"}

    assert find_connection(environ=environ, start=checkout).key == "sr_mine"
    assert find_connection("http://said", environ=environ, start=checkout).key == "sr_mine"


def test_nothing_known_is_one_clear_line(home: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(NoPlatform, match="make run"):
        find_connection(environ=home, start=tmp_path)


def test_a_profile_that_was_never_made_is_named(home: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(NoPlatform, match="no profile 'work'"):
        find_connection(profile="work", environ=home, start=tmp_path)


@pytest.mark.parametrize("url", ["ftp://host", "http://", "http:///path", "https://:80"])
def test_what_is_no_address_is_refused(url: str, home: dict[str, str]) -> None:
    with pytest.raises(ClientFailure, match="not an http or https address"):
        find_connection(url, environ=home)


def test_an_address_may_be_said_shortly() -> None:
    assert find_connection("localhost:8080/", "k") == Connection(
        url="http://localhost:8080", key="k"
    )


def test_profiles_are_kept_for_their_owner_only_and_read_back_as_written(
    home: dict[str, str],
) -> None:
    remember(home, "work", "https://work.example", 'sr_"quoted"\\')
    remember(home, "a b.c", "https://other.example", "sr_é")

    config = read_config(config_path(home))

    assert config.default == "a b.c"
    assert config.profiles["work"].key == 'sr_"quoted"\\'
    assert config.profiles["a b.c"].key == "sr_é"
    assert config_path(home).stat().st_mode & 0o777 == 0o600


def test_a_damaged_configuration_is_one_clear_line(home: dict[str, str]) -> None:
    config_path(home).parent.mkdir(parents=True)
    config_path(home).write_text("default = [")

    with pytest.raises(ClientFailure, match=r"cannot read .*config\.toml"):
        find_connection(environ=home)
