"""Servers that fail the way networks and stores do."""

import asyncio
import re
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

HOST = "127.0.0.1"

_LINGER_S = 1.0


def at_port(url: str, port: int) -> str:
    """Return the same store as it is reached through another port of this machine."""
    return url.replace(f"{HOST}:{port_of(url)}", f"{HOST}:{port}")


def port_of(url: str) -> int:
    """Return the port of the store's server, wherever the address has it."""
    found = re.search(rf"{re.escape(HOST)}:(\d+)", url)
    assert found is not None
    return int(found[1])


class Cable:
    """A TCP proxy to a real server that can fall silent, break, or be slow."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._intact = asyncio.Event()
        self._intact.set()
        self._ends: dict[asyncio.Task[None], asyncio.Event] = {}
        self._torn = False
        self._pause_s = 0.0
        self._answer = b""
        self.port = 0

    @property
    def is_faulty(self) -> bool:
        """Whether it does anything but carry."""
        return self._torn or bool(self._answer or self._pause_s) or self.is_silent

    @property
    def is_silent(self) -> bool:
        return not self._intact.is_set()

    def cut(self) -> None:
        """From now on nothing goes either way, and no goodbye, also on connections made later."""
        self._intact.clear()

    def tear(self) -> None:
        """Reset every connection; those made from now on are reset as well."""
        self._torn = True
        for end in self._ends:
            end.cancel()

    def speak(self, answer: bytes) -> None:
        """Answer in the server's place whatever comes on a connection, then hang up."""
        self.tear()
        self._torn, self._answer = False, answer

    def mend(self) -> None:
        """Carry again, on new connections."""
        self._torn, self._answer, self._pause_s = False, b"", 0.0
        self._intact.set()

    def forget(self) -> None:
        """Carry again, on new connections only: the old ones stay silent until they are torn."""
        self._intact = asyncio.Event()
        self.mend()

    def tear_forgotten(self) -> None:
        """Reset the connections that were forgotten, as a kernel does that asks in vain."""
        for end, intact in self._ends.items():
            if intact is not self._intact:
                end.cancel()

    def slow_down(self, pause_s: float) -> None:
        """Wait before each piece of at most 64 KiB, either way."""
        self._pause_s = pause_s

    @asynccontextmanager
    async def plugged_in(self, port: int = 0) -> AsyncIterator["Cable"]:
        server = await asyncio.start_server(self._connect, HOST, port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for end in self._ends:
                end.cancel()
            await asyncio.gather(*self._ends, return_exceptions=True)

    def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        end = asyncio.create_task(self._carry(reader, writer))
        self._ends[end] = self._intact
        end.add_done_callback(self._ends.pop)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._torn:
            writer.transport.abort()
            return
        if self._answer:
            await _reply(reader, writer, self._answer)
            return
        intact = self._intact
        there, back = await asyncio.open_connection(*self._target)
        try:
            await asyncio.gather(
                self._pass(reader, back, intact), self._pass(there, writer, intact)
            )
        except asyncio.CancelledError:
            back.transport.abort()
            writer.transport.abort()
            raise
        finally:
            back.close()
            writer.close()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, intact: asyncio.Event
    ) -> None:
        try:
            while data := await reader.read(65536):
                await intact.wait()
                if self._pause_s:
                    await asyncio.sleep(self._pause_s)
                writer.write(data)
                await writer.drain()
            await intact.wait()
        except ConnectionError:
            await intact.wait()
        finally:
            writer.close()


@asynccontextmanager
async def answering(answer: bytes, port: int = 0) -> AsyncIterator[int]:
    """Serve the same HTTP ``answer`` to whatever is asked, then hang up; yield the port."""

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _reply(reader, writer, answer)

    server = await asyncio.start_server(reply, HOST, port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: bytes) -> None:
    try:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        # Who closes with a body unread resets, and the answer may be lost on its way.
        writer.write_eof()
        async with asyncio.timeout(_LINGER_S):
            while await reader.read(65536):
                pass
    except (TimeoutError, ConnectionError, asyncio.IncompleteReadError):
        return
    finally:
        writer.close()


@contextmanager
def files_at_most(size: int) -> Iterator[None]:
    """Let the kernel refuse every byte of a file behind ``size``."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
