"""The options that every command has: where the platform is, and the key."""

from dataclasses import dataclass

from cyclopts import Parameter

from libs.client.cli.groups import CONNECTION
from libs.client.client import Client
from libs.client.connection import Connection, find_connection


@Parameter(name="*", group=CONNECTION)
@dataclass(frozen=True)
class Connect:
    """Where the platform is; usually found without being said."""

    url: str | None = None
    """Address of the platform; else STRONGROOM_URL, a profile, or the checkout's run.json."""
    key: str | None = None
    """API key; better kept in STRONGROOM_API_KEY or by `strongroom login`."""
    profile: str | None = None
    """A platform that `strongroom login` remembers."""

    def connection(self) -> Connection:
        """Return the connection that is meant; raises ``NoPlatform``."""
        return find_connection(self.url, self.key, profile=self.profile)

    def client(self) -> Client:
        """Return a client for it."""
        return Client(connection=self.connection())


FOUND = Connect()
"""The connection that is found without any option."""
