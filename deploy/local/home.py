"""Where everything of one checkout's stack lives: ``.strongroom/``, readable by its owner only."""

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from deploy.local.servers.account import remove_data_place

CHECKOUT = Path(__file__).resolve().parents[2]
SOCKET_PATH_BYTES = 90
"""``sun_path`` holds 108 bytes (104 on macOS); the supervisor appends ``.<pid>`` while it binds."""


@dataclass(frozen=True)
class Home:
    """The paths of one stack; ``path`` is absolute and free of symbolic links."""

    path: Path

    @classmethod
    def of(cls, root: Path) -> "Home":
        """Return the home of the stack that belongs to the directory ``root``."""
        return cls(root.resolve() / ".strongroom")

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def nats(self) -> Path:
        return self.path / "nats"

    @property
    def s3(self) -> Path:
        return self.path / "s3"

    @property
    def backups(self) -> Path:
        """The one place where file targets of backups may lie."""
        return self.path / "backups"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def run(self) -> Path:
        """What is only true while the stack runs: lock, pid, written configuration."""
        return self.path / "run"

    @property
    def secrets_file(self) -> Path:
        return self.path / "secrets.json"

    @property
    def ports_file(self) -> Path:
        return self.path / "ports.json"

    @property
    def run_file(self) -> Path:
        """Addresses and credentials for tools, there while the stack runs."""
        return self.path / "run.json"

    @property
    def lock_file(self) -> Path:
        return self.run / "lock"

    @property
    def sockets(self) -> Path:
        """Where unix sockets go: below ``run``, or a short private place when that is too long."""
        if len(os.fsencode(self.run / "supervisor.sock")) <= SOCKET_PATH_BYTES:
            return self.run
        digest = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:10]
        return Path(tempfile.gettempdir()) / f"strongroom-{os.getuid()}-{digest}"

    def prepare(self) -> None:
        """Create the directories; repeating it repairs their modes."""
        self.path.mkdir(parents=True, exist_ok=True)
        if os.getuid() != 0 or self.path.stat().st_mode & 0o777 != 0o710:
            # As root the database's account needs the way in: `servers.postgres` opens it to that
            # account's group alone, and it must not be closed under a running server.
            self.path.chmod(0o700)
        for directory in (self.nats, self.s3, self.logs, self.backups, self.run):
            directory.mkdir(mode=0o700, exist_ok=True)
            directory.chmod(0o700)
        self._prepare_sockets()

    def _prepare_sockets(self) -> None:
        place = self.sockets
        place.mkdir(mode=0o700, exist_ok=True)
        found = place.lstat()
        if place.is_symlink() or found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise PermissionError(f"{place} is not a private directory of this user")

    def delete(self) -> None:
        """Delete all data, secrets and logs. Nothing of the stack may be running."""
        remove_data_place(self.postgres)
        shutil.rmtree(self.path)
        self.remove_sockets()

    def remove_sockets(self) -> None:
        """Remove what a stop leaves of the sockets, also after an unclean one."""
        if self.sockets != self.run:
            shutil.rmtree(self.sockets, ignore_errors=True)
        else:
            for socket_file in self.run.glob("*.sock*"):
                socket_file.unlink(missing_ok=True)


def write_private(path: Path, content: bytes) -> None:
    """Replace ``path`` in one step by a file that only its owner can read."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
