"""Secrets that everybody knows or guesses."""

from urllib.parse import unquote, urlsplit

from libs.chassis.checkup import Finding
from services.storage.settings import Settings

SHORTEST = 12
KNOWN = frozenset(
    ("postgres", "password", "minioadmin", "admin", "secret", "changeme", "strongroom", "nats")
)


async def examine_secrets(settings: Settings) -> list[Finding]:
    """Look at the passwords in addresses, without ever showing one."""
    addresses = {
        "DATABASE_URL": settings.database_url,
        "NATS_URL": settings.nats_url,
        "STORE_URL": settings.store_url,
        "FALLBACK_STORE_URL": settings.fallback_store_url,
    }
    weak = [name for name, url in addresses.items() if url is not None and _is_weak(url)]
    if not weak:
        return [Finding(part="secrets", level="ok", says="none is a default or short")]
    return [
        Finding(
            part="secrets",
            level="fail",
            says=f"a default or short password is in {', '.join(weak)}",
            todo="make a long random one, and give it as a file (…_FILE)",
        )
    ]


def _is_weak(url: str) -> bool:
    password = urlsplit(url).password
    if password is None:
        return False
    plain = unquote(password)
    return len(plain) < SHORTEST or plain.lower() in KNOWN
