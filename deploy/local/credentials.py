"""The generated secrets of one stack: made once, kept in ``secrets.json``, never logged."""

import secrets
from uuid import uuid4

import msgspec
from msgspec import Struct, field

from deploy.local.home import Home, write_private
from libs.blobs.encoding.keyring import new_master_key

SERVICES = ("gateway", "storage", "versioning", "backup", "progress")
POSTGRES_ROLES = ("postgres", *SERVICES)
NATS_USERS = ("admin", "subscriber", *SERVICES)


def _password() -> str:
    return secrets.token_urlsafe(24)


def _admin_key() -> str:
    return f"sr_{uuid4().hex}_{secrets.token_urlsafe(32)}"


def _passwords(names: tuple[str, ...]) -> dict[str, str]:
    return {name: _password() for name in names}


class Secrets(Struct, frozen=True, kw_only=True):
    """Every secret, with a default that makes it, so that old files gain what is new."""

    stack_id: str = field(default_factory=lambda: uuid4().hex)
    """Marks the processes of this stack, so that a later start finds what an unclean stop left."""
    postgres: dict[str, str] = field(default_factory=lambda: _passwords(POSTGRES_ROLES))
    """Password by role."""
    nats: dict[str, str] = field(default_factory=lambda: _passwords(NATS_USERS))
    """Password by user."""
    s3_access_key: str = field(default_factory=lambda: secrets.token_hex(10).upper())
    s3_secret_key: str = field(default_factory=_password)
    s3_inner_key: str = field(default_factory=_password)
    """Signs what the parts of the S3 server tell each other."""
    admin_key: str = field(default_factory=_admin_key)
    """The gateway's first API key; the gateway stores its hash only."""
    master_keys: str = field(default_factory=lambda: new_master_key("local"))
    """Wraps the keys of encrypted blobs, which are lost with it. To replace it, put a line of its
    own before it and run ``python -m services.storage rotate-keys``."""


def load_secrets(home: Home) -> Secrets:
    """Return the stack's secrets, made and written at the first call."""
    try:
        known = home.secrets_file.read_bytes()
    except FileNotFoundError:
        known = b"{}"
    found = msgspec.json.decode(known, type=Secrets)
    content = msgspec.json.format(msgspec.json.encode(found))
    if content != known:
        write_private(home.secrets_file, content)
    return found
