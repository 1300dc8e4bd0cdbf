"""Where the platform is and with which key to enter.

Looked for in this order: what the caller says, ``STRONGROOM_URL`` and ``STRONGROOM_API_KEY``, a
profile in ``~/.config/strongroom/config.toml``, and ``.strongroom/run.json`` of the checkout that
the working directory lies in, so that everything works unasked beside ``make run``.
"""

import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct, field

from libs.client.failures import ClientFailure, NoPlatform

RUN_FILE = Path(".strongroom", "run.json")


class Connection(Struct, frozen=True, kw_only=True):
    """The address of a gateway, a key, and who said so."""

    url: str
    key: str | None = None
    found_in: str = "the caller"


class Profile(Struct, frozen=True, kw_only=True):
    """One platform in the configuration file."""

    url: str
    key: str | None = None


class Config(Struct, frozen=True, kw_only=True):
    """The configuration file."""

    default: str | None = None
    profiles: dict[str, Profile] = field(default_factory=dict)


class _Run(Struct, frozen=True):
    url: str
    admin_key: str | None = None


def config_path(environ: Mapping[str, str] = os.environ) -> Path:
    """Return where the configuration file is or would be."""
    base = environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME") or Path.home(), ".config")
    return Path(base, "strongroom", "config.toml")


def find_connection(
    url: str | None = None,
    key: str | None = None,
    *,
    profile: str | None = None,
    environ: Mapping[str, str] = os.environ,
    start: Path | None = None,
) -> Connection:
    """Return the first connection that is known; raises ``NoPlatform``.

    A key belongs to an address: one that was found beside another address is never sent.
    """
    if url is not None and key is not None:
        return Connection(url=checked_url(url), key=key)
    known = _known(profile, environ, start or Path.cwd())
    loose_key = None if environ.get("STRONGROOM_URL") else environ.get("STRONGROOM_API_KEY")
    if url is not None:
        address = checked_url(url)
        same = (one.key for one in known if one.url == address)
        return Connection(url=address, key=loose_key or next(same, None))
    for connection in known:
        return msgspec.structs.replace(connection, key=key or loose_key or connection.key)
    raise NoPlatform(
        "no platform is known: start one with `make run`, or say `strongroom login`, "
        "--url, or STRONGROOM_URL"
    )


def checked_url(url: str) -> str:
    """Return ``url`` without what is not needed; raises ``ClientFailure`` when it is no address."""
    parts = urlsplit(url if "//" in url else f"http://{url}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ClientFailure(f"{url!r} is not an http or https address")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def find_run_file(start: Path) -> Path | None:
    """Return ``.strongroom/run.json`` of the nearest directory upwards from ``start``."""
    for directory in (start, *start.parents):
        if (directory / RUN_FILE).is_file():
            return directory / RUN_FILE
    return None


def read_run_file(path: Path) -> Connection:
    """Return the connection to the platform that runs beside a checkout."""
    try:
        run = msgspec.json.decode(path.read_bytes(), type=_Run)
    except (OSError, msgspec.DecodeError) as error:
        raise NoPlatform(f"cannot read {path}: {error}") from error
    return Connection(url=checked_url(run.url), key=run.admin_key, found_in=str(path))


def read_config(path: Path) -> Config:
    """Return the configuration file, or an empty one when there is none."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text()), Config)
    except FileNotFoundError:
        return Config()
    except (OSError, ValueError) as error:
        raise ClientFailure(f"cannot read {path}: {error}") from error


def write_profile(path: Path, name: str, profile: Profile) -> None:
    """Add or replace a profile and make it the default; nobody else may read the file."""
    config = read_config(path)
    profiles = {**config.profiles, name: profile}
    lines = [f"default = {json.dumps(name)}"]
    for each, entry in profiles.items():
        lines += ["", f"[profiles.{json.dumps(each)}]", f"url = {json.dumps(entry.url)}"]
        if entry.key:
            lines.append(f"key = {json.dumps(entry.key)}")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write("\n".join(lines) + "\n")
    fresh.replace(path)


def _known(profile: str | None, environ: Mapping[str, str], start: Path) -> Iterator[Connection]:
    if profile is None and environ.get("STRONGROOM_URL"):
        yield Connection(
            url=checked_url(environ["STRONGROOM_URL"]),
            key=environ.get("STRONGROOM_API_KEY"),
            found_in="STRONGROOM_URL",
        )
    path = config_path(environ)
    config = read_config(path)
    name = profile or config.default
    if name is not None:
        entry = config.profiles.get(name)
        if entry is None:
            raise NoPlatform(f"{path} has no profile {name!r}")
        yield Connection(
            url=checked_url(entry.url), key=entry.key, found_in=f"profile {name} in {path}"
        )
    run_file = find_run_file(start)
    if run_file is not None and profile is None:
        yield read_run_file(run_file)
