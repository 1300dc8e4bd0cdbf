"""``/livez``, ``/readyz`` and ``/metrics`` on a port of their own.

They are answered from a thread, so that a blocked event loop is seen instead of being waited for.
"""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

BLOCKED_AFTER_S = 10.0
CHECK_TIMEOUT_S = 2.0
CALLER_TIMEOUT_S = 5.0
"""Who connects and says nothing for this long holds no thread any more."""

Check = Callable[[], Awaitable[None]]


class Health:
    """Answers for a process: alive, ready, and its figures."""

    def __init__(self, host: str, port: int, checks: Mapping[str, Check]) -> None:
        self._checks = checks
        self._beat_at = time.monotonic()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._beating: asyncio.Task[None] | None = None
        self.accepting = False
        """False while the service starts or drains."""
        self._server = ThreadingHTTPServer((host, port), _handler_for(self))
        self._server.daemon_threads = True

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.server_port

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._beating = asyncio.create_task(self._beat())
        threading.Thread(target=self._server.serve_forever, name="health", daemon=True).start()
        return self

    async def __aexit__(self, *failure: object) -> None:
        if self._beating is not None:
            self._beating.cancel()
        await asyncio.to_thread(self._server.shutdown)
        self._server.server_close()

    async def parts(self) -> dict[str, str]:
        """Return the state of every part: ``ok``, or what is wrong with it."""
        return dict(
            await asyncio.gather(*(_state(name, check) for name, check in self._checks.items()))
        )

    def live(self) -> tuple[int, dict[str, Any]]:
        """Return status and body of ``/livez``."""
        silent_s = time.monotonic() - self._beat_at
        blocked = silent_s > BLOCKED_AFTER_S
        return (503, {"blocked_s": round(silent_s, 1)}) if blocked else (200, {"live": True})

    def ready(self) -> tuple[int, dict[str, Any]]:
        """Return status and body of ``/readyz``; called from the server's thread."""
        if self._loop is None:
            return 503, {"ready": False}
        asking = asyncio.run_coroutine_threadsafe(self.parts(), self._loop)
        try:
            parts = asking.result(CHECK_TIMEOUT_S + 1)
        except TimeoutError:
            return 503, {"ready": False, "detail": "the event loop is blocked"}
        ready = self.accepting and all(state == "ok" for state in parts.values())
        return (200 if ready else 503), {"ready": ready, "parts": parts}

    async def _beat(self) -> None:
        while True:
            self._beat_at = time.monotonic()
            await asyncio.sleep(1)


async def _state(name: str, check: Check) -> tuple[str, str]:
    try:
        await asyncio.wait_for(check(), CHECK_TIMEOUT_S)
    except Exception as error:  # noqa: BLE001 - whatever is wrong is the answer
        return name, str(error) or type(error).__name__
    return name, "ok"


def _handler_for(health: Health) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = CALLER_TIMEOUT_S

        def do_GET(self) -> None:
            match self.path:
                case "/livez":
                    self._json(*health.live())
                case "/readyz":
                    self._json(*health.ready())
                case "/metrics":
                    self._send(200, CONTENT_TYPE_LATEST, generate_latest())
                case _:
                    self._json(404, {"detail": "try /livez, /readyz or /metrics"})

        def log_message(self, *args: object) -> None:
            """Say nothing: probes come every few seconds."""

        def _json(self, status: int, body: dict[str, Any]) -> None:
            self._send(status, "application/json", msgspec.json.encode(body))

        def _send(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
