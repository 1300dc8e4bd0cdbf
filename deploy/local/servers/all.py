"""The three servers together."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from deploy.local.credentials import Secrets
from deploy.local.home import Home
from deploy.local.programs import Program
from deploy.local.readiness import wait_for
from deploy.local.servers.nats import Nats
from deploy.local.servers.postgres import Postgres
from deploy.local.servers.s3 import PORT_NAMES as S3_PORT_NAMES
from deploy.local.servers.s3 import S3

PORT_NAMES = ("postgres", "nats", "nats.monitor", *S3_PORT_NAMES)
PAIRED_PORT_NAMES = S3_PORT_NAMES
READY_WITHIN_S = 60.0


@dataclass(frozen=True)
class Servers:
    """PostgreSQL, NATS and S3 of one stack."""

    home: Home
    postgres: Postgres
    nats: Nats
    s3: S3

    @classmethod
    def of(cls, home: Home, secrets: Secrets, ports: Mapping[str, int]) -> "Servers":
        """Return the servers of ``home``, running or not."""
        return cls(
            home,
            Postgres(home, secrets, ports["postgres"]),
            Nats(home, secrets, ports["nats"], ports["nats.monitor"]),
            S3(home, secrets, ports),
        )

    def prepare(self) -> list[Program]:
        """Create data directories, write configurations, return what has to run.

        No process of this stack may be running.
        """
        programs = [self.postgres.prepare(), self.nats.prepare(), self.s3.prepare()]
        self.postgres.forget_dead_server()
        return programs

    def ready_checks(self) -> dict[str, Callable[[], bool]]:
        """Return by name what tells whether a server answers."""
        return {
            "postgres": self.postgres.is_ready,
            "nats": self.nats.is_ready,
            "s3": self.s3.is_ready,
        }

    def wait(self) -> None:
        """Return when all answer and the roles are declared; raises ``NotReady``."""
        wait_for(self.ready_checks(), self.home, within_s=READY_WITHIN_S)
        self.postgres.declare_roles()

    def remove_sockets(self) -> None:
        """Remove what the servers leave outside of the stack's directory."""
        self.s3.remove_sockets()
