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
    """Take turns: in chunks, in one request, and as a PUT."""
    size = scene.sized(256, 64) * MIB
    rounds = scene.sized(3, 1)
    to = scene.url, scene.admin_key, scene.make_bucket("tus")
    chunked, whole, straight, lasts = [], [], [], []
    for number in range(rounds):
        took, last = apart(upload_by_tus, *to, f"chunked/{number}", size, CHUNK_BYTES)
        chunked.append(size / MIB / took)
        lasts.append(size / MIB / last)
        scene.rest()
        whole.append(size / MIB / apart(upload_by_tus, *to, f"whole/{number}", size, size)[0])
        scene.rest()
        target = f"/api/v1/buckets/{to[-1]}/files/put/{number}"
        straight.append(size / MIB / apart(upload, *to[:2], [target], size))
        scene.rest()
    what = f"{size // MIB} MiB by tus in"
    chunks = f"{CHUNK_BYTES // MIB} MiB chunks"
    return [
        ratio(f"{what} {chunks}, beside one PUT", chunked, straight, "MiB/s"),
        rate("the last of its requests, which makes the file", lasts, "MiB/s of the file"),
        ratio(f"{what} one request, beside one PUT", whole, straight, "MiB/s"),
    ]


def upload_by_tus(
    url: str, key: str, bucket: str, path: str, size: int, chunk_bytes: int
) -> tuple[float, float]:
    """Upload a file; return the seconds that it took, and those of its last request."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=300)
    client = _Client(connection, key)
    began = time.perf_counter()
    target = client.begin({"bucket": bucket, "path": path}, size)
    last = 0.0
    for offset in range(0, size, chunk_bytes):
        sent_at = time.perf_counter()
        client.append(target, offset, min(chunk_bytes, size - offset))
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
