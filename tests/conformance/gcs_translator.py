"""Google's XML API in front of fake-gcs-server, which speaks its JSON API only in part in XML.

obstore speaks the XML API alone. fake-gcs-server (v1.54) serves reads of it, but its list ignores
``start-after`` and pages, its ``PUT`` ignores ``x-goog-if-generation-match``, and it knows nothing
of uploads in parts. Those are translated here into JSON calls, so that names, generations,
preconditions, ranges and pages are the emulator's own; only open uploads are kept here. Neither
looks at credentials or signatures.

Run it as ``python -m tests.conformance.gcs_translator PORT UPSTREAM_PORT``.
"""

import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit
from uuid import uuid4
from xml.sax.saxutils import escape

from urllib3 import BaseHTTPResponse, HTTPConnectionPool

HOST = "127.0.0.1"
PASSED_ON = {"range", "if-match", "if-none-match"}
PASSED_BACK = {"content-range", "content-type", "etag", "last-modified", "x-goog-generation"}
PART_NUMBER = re.compile(rb"<PartNumber>(\d+)</PartNumber>")

upstream: HTTPConnectionPool
uploads: dict[str, dict[int, bytes]] = {}


class Translator(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1024 * 1024

    def setup(self) -> None:
        super().setup()
        self.query: dict[str, str] = {}
        self.bucket = self.name = ""

    def parse_request(self) -> bool:
        """Split the address as all methods need it."""
        if not super().parse_request():
            return False
        parts = urlsplit(self.path)
        self.query = dict(parse_qsl(parts.query, keep_blank_values=True))
        self.bucket, _, name = parts.path.strip("/").partition("/")
        self.name = unquote(name)
        return True

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        if not self.name:
            self._list()
            return
        headers = {name: value for name, value in self.headers.items() if name.lower() in PASSED_ON}
        found = upstream.request(
            self.command,
            f"/{self.bucket}/{quote(self.name, safe='')}",
            headers=headers,
            preload_content=False,
        )
        try:
            self._pass_back(found)
        finally:
            found.release_conn()

    def do_PUT(self) -> None:
        body = self._body()
        upload_id = self.query.get("uploadId")
        if upload_id is None:
            self._store(body, self.headers.get("x-goog-if-generation-match"))
        elif upload_id in uploads:
            number = int(self.query["partNumber"])
            uploads[upload_id][number] = body
            self._answer(200, headers={"ETag": f'"{number}"'})
        else:
            self._refuse(404, "NoSuchUpload")

    def do_POST(self) -> None:
        body = self._body()
        if "uploads" in self.query:
            upload_id = uuid4().hex
            uploads[upload_id] = {}
            self._answer(
                200,
                f"<InitiateMultipartUploadResult><Bucket>{self.bucket}</Bucket>"
                f"<Key>{escape(self.name)}</Key><UploadId>{upload_id}</UploadId>"
                "</InitiateMultipartUploadResult>",
            )
            return
        parts = uploads.pop(self.query.get("uploadId", ""), None)
        if parts is None:
            self._refuse(404, "NoSuchUpload")
            return
        whole = b"".join(parts[int(number)] for number in PART_NUMBER.findall(body))
        self._store(whole, None, complete=True)

    def do_DELETE(self) -> None:
        if "uploadId" in self.query:
            self._answer(204 if uploads.pop(self.query["uploadId"], None) is not None else 404)
            return
        gone = upstream.request("DELETE", self._json_address())
        self._answer(204) if gone.status == 200 else self._refuse(gone.status, "NoSuchKey")

    def _list(self) -> None:
        if self.query.get("uploads") is not None:
            self._answer(200, json.dumps([f"{len(uploads)}"]))
            return
        behind = self.query.get("start-after", "")
        asked = {
            "prefix": self.query.get("prefix", ""),
            # Google's startOffset includes the name itself, the XML API's start-after does not.
            "startOffset": f"{behind}\0" if behind else "",
            "maxResults": self.query.get("max-keys", "1000"),
            "pageToken": self.query.get("continuation-token", ""),
        }
        query = urlencode({name: value for name, value in asked.items() if value})
        found = upstream.request("GET", f"/storage/v1/b/{self.bucket}/o?{query}")
        if found.status != 200:
            self._refuse(404, "NoSuchBucket")
            return
        page = found.json()
        items = "".join(_listed(item) for item in page.get("items", ()))
        token = page.get("nextPageToken", "")
        more = f"<NextContinuationToken>{escape(token)}</NextContinuationToken>" if token else ""
        self._answer(
            200,
            f"<ListBucketResult><Name>{self.bucket}</Name>{more}"
            f"<IsTruncated>{str(bool(token)).lower()}</IsTruncated>{items}</ListBucketResult>",
        )

    def _store(self, body: bytes, generation: str | None, *, complete: bool = False) -> None:
        edge = uuid4().hex
        query = {"uploadType": "multipart"} | (
            {"ifGenerationMatch": generation} if generation is not None else {}
        )
        stored = upstream.request(
            "POST",
            f"/upload/storage/v1/b/{self.bucket}/o?{urlencode(query)}",
            headers={"Content-Type": f"multipart/related; boundary={edge}"},
            body=b"\r\n".join(
                [
                    f"--{edge}\r\nContent-Type: application/json\r\n".encode(),
                    json.dumps({"name": self.name}).encode(),
                    f"--{edge}\r\nContent-Type: application/octet-stream\r\n".encode(),
                    body,
                    f"--{edge}--\r\n".encode(),
                ]
            ),
        )
        if stored.status == 412:
            self._refuse(412, "PreconditionFailed")
        elif stored.status != 200:
            self._refuse(404, "NoSuchBucket")
        else:
            made = stored.json()
            etag = f'"{made["generation"]}"'
            self._answer(
                200,
                "<CompleteMultipartUploadResult>"
                f"<ETag>{escape(etag)}</ETag></CompleteMultipartUploadResult>"
                if complete
                else "",
                headers={"ETag": etag, "x-goog-generation": made["generation"]},
            )

    def _json_address(self) -> str:
        return f"/storage/v1/b/{self.bucket}/o/{quote(self.name, safe='')}"

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _pass_back(self, found: BaseHTTPResponse) -> None:
        self.send_response(found.status)
        for name, value in found.headers.items():
            if name.lower() in PASSED_BACK:
                self.send_header(name, value)
        self.send_header("Content-Length", found.headers.get("Content-Length", "0"))
        self.end_headers()
        if self.command != "HEAD":
            for chunk in found.stream(1024 * 1024, decode_content=False):
                self.wfile.write(chunk)

    def _refuse(self, status: int, code: str) -> None:
        self._answer(status, f"<Error><Code>{code}</Code></Error>")

    def _answer(self, status: int, text: str = "", headers: dict[str, str] | None = None) -> None:
        body = text.encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


def _listed(item: dict[str, str]) -> str:
    return (
        f"<Contents><Key>{escape(item['name'])}</Key><Size>{item['size']}</Size>"
        f"<LastModified>{item['updated']}</LastModified><ETag>{item['generation']}</ETag></Contents>"
    )


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


if __name__ == "__main__":
    upstream = HTTPConnectionPool(HOST, int(sys.argv[2]), maxsize=32, retries=False)
    Server((HOST, int(sys.argv[1])), Translator).serve_forever()
