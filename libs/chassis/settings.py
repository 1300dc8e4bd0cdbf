"""Settings are one frozen struct per service, read from the environment once, at start."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

T = TypeVar("T", bound=Struct)

ONE_HOUR_OF_PAUSES_S = (1.0, 5.0, 30.0, 120.0, 300.0, 900.0, 2250.0)


class WrongSettings(Exception):
    """The environment does not give a usable configuration; the text names the variable."""


class ServiceSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every service is told."""

    database_url: Annotated[str, Meta(pattern="^postgres(ql)?://")]
    """PostgreSQL, as this service's own role: ``postgres://role:password@host:port/database``."""

    nats_url: Annotated[str, Meta(pattern="^(nats|tls)://")]
    """NATS, as this service's own user: ``nats://user:password@host:port``."""

    pool_size: Annotated[int, Meta(ge=2, le=100)] = 10
    """Connections to PostgreSQL at most."""

    database_timeout_s: Annotated[float, Meta(gt=0)] = 8.0
    """A statement that takes longer is cancelled."""

    acquire_timeout_s: Annotated[float, Meta(gt=0)] = 1.5
    """Waiting longer than this for a connection is answered with 503."""

    health_host: str = "127.0.0.1"
    """Where ``/livez``, ``/readyz`` and ``/metrics`` listen."""

    health_port: Annotated[int, Meta(ge=0, le=65535)] = 0
    """Their port; 0 takes a free one, which the log names."""

    relay_interval_s: Annotated[float, Meta(gt=0)] = 1.0
    """How often the outbox is looked at when nobody rang."""

    ack_wait_s: Annotated[float, Meta(ge=1)] = 10.0
    """An event whose process says nothing for this long, having crashed, is given out again."""

    retry_pauses_s: tuple[Annotated[float, Meta(gt=0)], ...] = ONE_HOUR_OF_PAUSES_S
    """Pauses between the tries of a failing event; after one try more it is parked."""

    drain_timeout_s: Annotated[float, Meta(gt=0)] = 20.0
    """How long accepted work may take to finish after SIGTERM."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe line that is written."""

    log_format: Literal["text", "json"] = "text"
    """One readable line, or one JSON object, per entry."""

    traces_url: str | None = None
    """Where spans go: ``http://…/v1/traces`` (OTLP) or ``file:///path`` (one JSON a line)."""

    trace_ratio: Annotated[float, Meta(ge=0, le=1)] = 1.0
    """The share of journeys whose spans are sent; trace ids exist for all."""


def variable_prefix(service: str) -> str:
    """Return what the names of a service's variables begin with."""
    return f"STRONGROOM_{service.upper()}_"


def load(cls: type[T], service: str, environ: Mapping[str, str] = os.environ) -> T:
    """Build ``cls`` from ``STRONGROOM_<SERVICE>_<FIELD>``; ``…_FILE`` names a mounted secret.

    Raises ``WrongSettings`` with one line that names the variable.
    """
    prefix = variable_prefix(service)
    kinds = {field.name: field.type for field in msgspec.structs.fields(cls)}
    given: dict[str, object] = {}
    for name, value in environ.items():
        if not name.startswith(prefix):
            continue
        field = name.removeprefix(prefix).lower()
        if field not in kinds and field.endswith("_file"):
            field, value = field.removesuffix("_file"), _read_secret(name, value)
        if field not in kinds:
            raise WrongSettings(f"{name}: there is no such setting")
        if field in given:
            raise WrongSettings(f"{name}: given both directly and as a file")
        given[field] = _several(value) if _is_list(kinds[field]) else value
    return _convert(cls, prefix, given)


def _convert(cls: type[T], prefix: str, given: dict[str, object]) -> T:
    for field in msgspec.structs.fields(cls):
        if field.required and field.name not in given:
            raise WrongSettings(f"{prefix}{field.name.upper()}: is not set")
        if field.name in given:
            try:
                msgspec.convert(given[field.name], field.type, strict=False)
            except msgspec.ValidationError as error:
                raise WrongSettings(f"{prefix}{field.name.upper()}: {error}") from None
    return msgspec.convert(given, cls, strict=False)


def _read_secret(name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise WrongSettings(f"{name}: cannot read {path!r}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise WrongSettings(f"{name}: {path!r} holds no text") from None


def _is_list(kind: object) -> bool:
    return getattr(kind, "__origin__", None) in (tuple, list)


def _several(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]
