"""The client: one connection to a platform, its parts by name."""

from types import TracebackType
from typing import Self

from libs.client.archives import Archives
from libs.client.branches import Branches, Tags
from libs.client.buckets import Buckets
from libs.client.checks import Checks
from libs.client.commits import Commits
from libs.client.connection import Connection, find_connection
from libs.client.contents import Contents
from libs.client.diffs import Diffs
from libs.client.files import Files
from libs.client.grants import Grants
from libs.client.lifecycle import Lifecycle
from libs.client.links import Links
from libs.client.live import Live
from libs.client.locks import Locks
from libs.client.merges import Merges
from libs.client.proving import Proving
from libs.client.retention import Retention
from libs.client.retries import RetryPolicy
from libs.client.snapshots import Snapshots, Targets
from libs.client.staging import Staging
from libs.client.system import Keys, System
from libs.client.tasks import Tasks
from libs.client.transport import Transport
from libs.client.trash import Trash
from libs.client.usage import Quotas
from libs.client.versions import Versions


class Client:
    """Everything that the platform can do for a program, over HTTP and WebSocket only.

    Calls that may safely be made twice are repeated while the platform restarts or is busy. Every
    method raises ``ClientFailure``: ``ApiProblem`` with a stable code, or ``Unreachable``.
    Without arguments it finds the platform as the ``strongroom`` command does.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        connection: Connection | None = None,
        retries: RetryPolicy | None = None,
    ) -> None:
        self.connection = connection or find_connection(url, key)
        self._transport = Transport(self.connection, retries or RetryPolicy())
        self.live = Live(self._transport)
        self.buckets = Buckets(self._transport)
        self.grants = Grants(self._transport)
        self.checks = Checks(self._transport)
        self.files = Files(self._transport, self.checks)
        self.archives = Archives(self._transport)
        self.links = Links(self._transport)
        self.versions = Versions(self._transport)
        self.branches = Branches(self._transport)
        self.tags = Tags(self._transport)
        self.commits = Commits(self._transport)
        self.staging = Staging(self._transport)
        self.contents = Contents(self._transport)
        self.merges = Merges(self._transport)
        self.diffs = Diffs(self._transport)
        self.retention = Retention(self._transport)
        self.proving = Proving(self._transport)
        self.trash = Trash(self._transport)
        self.locks = Locks(self._transport)
        self.lifecycle = Lifecycle(self._transport)
        self.quotas = Quotas(self._transport)
        self.tasks = Tasks(self._transport, self.live)
        self.snapshots = Snapshots(self._transport)
        self.targets = Targets(self._transport)
        self.keys = Keys(self._transport)
        self.system = System(self._transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        await self._transport.close()
