"""The servers that are compared, each started as its documentation says and stopped afterwards."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import URLError
from urllib.request import Request, urlopen

from msgspec import Struct

from bench.scene import Scene, started
from deploy.local.ports import HOST

PEERS_DIR = "STRONGROOM_PEERS_DIR"
"""Where ``make bench-peers`` has installed them."""

STARTS_WITHIN_S = 120.0
STOPS_WITHIN_S = 20.0


class Server(Struct, frozen=True, kw_only=True):
    """One that takes files by PUT and gives them back by GET."""

    name: str
    url: str
    prefix: str
    """Below which paths name files."""
    key: str = ""

    def target(self, path: str) -> str:
        """Return where ``path`` lies."""
        return f"{self.prefix}/{path}"


@contextmanager
def all_servers(*, quick: bool) -> Iterator[list[Server]]:
    """Run Strongroom on both of its backends, and its peers, side by side."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(strongroom_on_s3(quick=quick)),
            stack.enter_context(strongroom_on_files(quick=quick)),
            stack.enter_context(copyparty()),
            stack.enter_context(mlflow()),
        ]


@contextmanager
def strongroom_on_s3(*, quick: bool) -> Iterator[Server]:
    """Run the platform on the S3 server that it brings."""
    with started(quick=quick) as scene:
        yield _ours("strongroom, s3", scene)


@contextmanager
def strongroom_on_files(*, quick: bool) -> Iterator[Server]:
    """Run the platform on a folder of the disk, where every file is synced before its answer."""
    with TemporaryDirectory(prefix="strongroom-blobs-") as folder:
        settings = {
            f"STRONGROOM_{service}_STORE_URL": f"file://{folder}"
            for service in ("GATEWAY", "STORAGE", "BACKUP")
        }
        with started(quick=quick, settings=settings) as scene:
            yield _ours("strongroom, file", scene)


@contextmanager
def copyparty() -> Iterator[Server]:
    """Run copyparty with one volume that everybody may write to."""
    with TemporaryDirectory(prefix="copyparty-") as folder:
        port = _free_port()
        command = [_installed("copyparty"), "-q", "-i", HOST, "-p", str(port), "-v", ".::rwmd"]
        with _running(command, Path(folder), f"http://{HOST}:{port}/"):
            yield Server(name="copyparty", url=f"http://{HOST}:{port}", prefix="")


@contextmanager
def mlflow() -> Iterator[Server]:
    """Run MLflow's server as a proxy for artifacts on the disk."""
    with TemporaryDirectory(prefix="mlflow-") as folder:
        port = _free_port()
        command = [
            *(_installed("mlflow"), "server", "--host", HOST, "--port", str(port)),
            *("--backend-store-uri", f"sqlite:///{folder}/mlflow.db"),
            *("--artifacts-destination", f"{folder}/artifacts", "--serve-artifacts"),
        ]
        with _running(command, Path(folder), f"http://{HOST}:{port}/health"):
            yield Server(
                name="MLflow",
                url=f"http://{HOST}:{port}",
                prefix="/api/2.0/mlflow-artifacts/artifacts",
            )


def _ours(name: str, scene: Scene) -> Server:
    bucket = scene.make_bucket("peers")
    prefix = f"/api/v1/buckets/{bucket}/files"
    return Server(name=name, url=scene.url, prefix=prefix, key=scene.admin_key)


@contextmanager
def _running(command: list[str], folder: Path, health: str) -> Iterator[None]:
    """Run ``command`` in ``folder`` from its first good answer on."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PATH": f"{_peers() / 'bin'}:{os.environ['PATH']}"},
            start_new_session=True,
        )
        try:
            _wait_for(health, process, folder / "log")
            yield
        finally:
            _stop(process)


def _wait_for(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(Request(url), timeout=2):  # noqa: S310 - an address of our own
                return
        except (URLError, OSError):
            time.sleep(0.2)
    sys.exit(f"{process.args!r} did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End the process and those that it started: they are a session of their own."""
    for signal_number in (15, 9):
        try:
            os.killpg(process.pid, signal_number)
            process.wait(STOPS_WITHIN_S)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind((HOST, 0))
        port: int = listening.getsockname()[1]
    return port


def _peers() -> Path:
    return Path(os.environ.get(PEERS_DIR, ".venv-peers")).absolute()


def _installed(program: str) -> str:
    found = _peers() / "bin" / program
    if not found.exists():
        sys.exit(f"{found} is not installed: run `make bench-peers`")
    return str(found)
