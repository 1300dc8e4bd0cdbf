"""Migrations: numbered SQL, run by dbmate in the service's own schema."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

OUR_OWN = Path(__file__).parent / "migrations"


class MigrationFailed(Exception):
    """A migration did not apply; the text is what dbmate said."""


def migrate(database_url: str, schema: str, folder: Path) -> None:
    """Bring ``schema`` up to date: first the chassis' tables, then the service's own.

    Two at once wait for each other. Raises ``MigrationFailed``.
    """
    for migrations, table in ((OUR_OWN, "chassis_migrations"), (folder, "schema_migrations")):
        command = [
            _binary(),
            "--no-dump-schema",
            "--wait",
            "--wait-timeout=30s",
            "--migration-lock",
            f"--migrations-dir={migrations}",
            f"--migrations-table={table}",
            "migrate",
        ]
        done = subprocess.run(  # noqa: S603 - our own arguments, no shell
            command,
            env=os.environ | {"DATABASE_URL": _for_dbmate(database_url, schema)},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if done.returncode != 0:
            raise MigrationFailed(f"{schema}: {(done.stderr or done.stdout).strip()}")


def _binary() -> str:
    beside_python = Path(sys.executable).parent / "dbmate"
    found = str(beside_python) if beside_python.exists() else shutil.which("dbmate")
    if found is None:
        raise MigrationFailed("dbmate is not installed")
    return found


def _for_dbmate(database_url: str, schema: str) -> str:
    parts = urlsplit(database_url)
    query = dict(parse_qsl(parts.query)) | {"search_path": schema}
    local = parts.hostname in ("127.0.0.1", "localhost", None)
    query.setdefault("sslmode", "disable" if local else "prefer")
    return urlunsplit(parts._replace(scheme="postgres", query=urlencode(query, quote_via=quote)))
