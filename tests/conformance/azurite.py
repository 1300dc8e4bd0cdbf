"""Azure Blob Storage for these tests: Azurite, Microsoft's emulator, on a free port.

It is an npm package, installed once per machine as ``node/package-lock.json`` names it, each part
by its hash and without running scripts. Without Node, or where it cannot be installed, the tests of
the ``az`` driver are skipped and say so.
"""

import hmac
import os
import shutil
import subprocess
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.utils import formatdate
from hashlib import sha256
from os import getuid
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from urllib.parse import quote

import pytest
from urllib3 import HTTPConnectionPool
from urllib3.exceptions import HTTPError

from tests.conformance.ports import HOST, free_ports

ACCOUNT = "conformance"
KEY = "++//c3Ryb25ncm9vbS1jb25mb3JtYW5jZS1rZXk="
CONTAINER = "conformance"
START_WITHIN_S = 60.0
INSTALL_WITHIN_S = 100.0
WANTED = Path(__file__).parent / "node"


@contextmanager
def azurite(folder: Path) -> Iterator[str]:
    """Run Azurite with one container and yield the container's address."""
    program = _program()
    (port,) = free_ports(1)
    with (folder / "azurite.log").open("wb") as log:
        server = subprocess.Popen(
            [program, *_arguments(folder, port)],
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"},
        )
    try:
        _make_container(port)
        login = f"{ACCOUNT}:{quote(KEY, safe='')}"
        yield f"az://{login}@{HOST}:{port}/{CONTAINER}?tls=false&path_style=true"
    finally:
        server.kill()
        server.wait()


def _program() -> str:
    """Return Azurite's program, installed if it was not yet."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node and npm are needed for Azurite")
    lock = sha256((WANTED / "package-lock.json").read_bytes()).hexdigest()[:12]
    folder = Path(gettempdir()) / f"strongroom-azurite-{getuid()}-{lock}"
    if not folder.exists():
        _install(npm, folder)
    return str(folder / "node_modules" / ".bin" / "azurite-blob")


def _install(npm: str, folder: Path) -> None:
    """Install into ``folder``, which appears when it is complete."""
    with TemporaryDirectory(dir=folder.parent, ignore_cleanup_errors=True) as staging:
        made = Path(staging) / "made"
        shutil.copytree(WANTED, made)
        try:
            subprocess.run(
                [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
                cwd=made,
                check=True,
                timeout=INSTALL_WITHIN_S,
            )
        except (subprocess.SubprocessError, OSError) as error:
            pytest.skip(f"Azurite cannot be installed: {error}")
        with suppress(OSError):  # somebody else was faster
            made.rename(folder)


def _arguments(folder: Path, port: int) -> list[str]:
    return [
        f"--blobHost={HOST}",
        f"--blobPort={port}",
        f"--location={folder}",
        "--silent",
        "--disableTelemetry",
        "--skipApiVersionCheck",
    ]


def _make_container(port: int) -> None:
    """Ask for the container with a signature of our own: obstore makes none."""
    path = f"/{ACCOUNT}/{CONTAINER}"
    headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
    lines = [
        "PUT",
        *[""] * 11,  # headers that are not sent
        *(f"{name}:{value}" for name, value in headers.items()),
        f"/{ACCOUNT}{path}",
        "restype:container",
    ]
    signature = hmac.digest(b64decode(KEY), "\n".join(lines).encode(), "sha256")
    headers["Authorization"] = f"SharedKey {ACCOUNT}:{b64encode(signature).decode()}"
    deadline = time.monotonic() + START_WITHIN_S
    with HTTPConnectionPool(HOST, port, retries=False) as pool:
        while True:
            try:
                made = pool.request("PUT", f"{path}?restype=container", headers=headers)
            except (HTTPError, OSError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                assert made.status == 201, made.data
                return
