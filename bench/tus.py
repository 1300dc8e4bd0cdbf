"""tus beside one PUT: what a session, an object for each part and the second pass cost."""

import base64
import http.client
import time
from urllib.parse import urlsplit

from bench.apart import apart
from bench.bodies import MIB, pieces
from bench.figures import Figure, rate, ratio
from bench.large_files import upload
from bench.scene import Scene

CHUNK_BYTES = 8 * MIB


def run(scene: Scene) -> list[Figure]:
    """Take turns; the second pass is the last request without its own bytes' share."""
    size = scene.sized(256, 64) * MIB
    rounds = scene.sized(3, 1)
    bucket = scene.make_bucket("tus")
    ours, straight, passes = [], [], []
    for number in range(rounds):
        took, last = apart(upload_by_tus, scene.url, scene.admin_key, bucket, number, size)
        ours.append(size / MIB / took)
        passes.append(size / MIB / last)
        scene.rest()
        target = f"/api/v1/buckets/{bucket}/files/put/{number}.bin"
        straight.append(size / MIB / apart(upload, scene.url, scene.admin_key, [target], size))
        scene.rest()
    what = f"{size // MIB} MiB by tus in {CHUNK_BYTES // MIB} MiB chunks"
    return [
        ratio(f"{what}, beside one PUT", ours, straight, "MiB/s"),
        rate("its last request, which makes the file", passes, "MiB/s of the file"),
    ]


def upload_by_tus(url: str, key: str, bucket: str, number: int, size: int) -> tuple[float, float]:
    """Upload a file; return the seconds that it took, and those of its last request."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=300)
    client = _Client(connection, key)
    began = time.perf_counter()
    target = client.begin({"bucket": bucket, "path": f"tus/{number}.bin"}, size)
    last = 0.0
    for offset in range(0, size, CHUNK_BYTES):
        sent_at = time.perf_counter()
        client.append(target, offset, min(CHUNK_BYTES, size - offset))
        last = time.perf_counter() - sent_at
    took = time.perf_counter() - began
    connection.close()
    return took, last


class _Client:
    """The least that speaks tus, so that the client's own work counts little."""

    def __init__(self, connection: http.client.HTTPConnection, key: str) -> None:
        self._connection = connection
        self._headers = {"Authorization": f"Bearer {key}", "Tus-Resumable": "1.0.0"}

    def begin(self, metadata: dict[str, str], size: int) -> str:
        """Return the address of a new upload."""
        told = ",".join(
            f"{name} {base64.b64encode(value.encode()).decode()}"
            for name, value in metadata.items()
        )
        sent = self._headers | {"Upload-Length": str(size), "Upload-Metadata": told}
        self._connection.request("POST", "/api/v1/uploads", headers=sent)
        answer = self._answer(http.HTTPStatus.CREATED)
        return answer.headers["Location"]

    def append(self, target: str, offset: int, size: int) -> None:
        """Send one chunk."""
        sent = self._headers | {
            "Upload-Offset": str(offset),
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(size),
        }
        self._connection.request("PATCH", target, pieces(size), sent)
        self._answer(http.HTTPStatus.NO_CONTENT)

    def _answer(self, expected: int) -> http.client.HTTPResponse:
        answered = self._connection.getresponse()
        said = answered.read()
        if answered.status != expected:
            raise RuntimeError(f"tus: {answered.status} {said[:300]!r}")
        return answered
