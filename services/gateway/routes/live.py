"""Live updates over WebSockets."""

from typing import Any, cast

from litestar import WebSocket, websocket
from litestar.di import NamedDependency
from litestar.params import FromQuery

from services.gateway.edge.asgi import Receive, Send
from services.gateway.edge.gate import needs
from services.gateway.live.hub import Hub
from services.gateway.live.session import Session
from services.gateway.settings import Settings

Socket = WebSocket[Any, Any, Any]


@websocket("/live", opt=needs("read"))
async def listen(
    socket: Socket, hub: NamedDependency[Hub], settings: NamedDependency[Settings]
) -> None:
    """Serve a client that subscribes to topics."""
    await _serve(socket, hub, settings)


@websocket("/progress/ws", opt=needs("read") | {"query": {"task_id"}})
async def watch_task(
    socket: Socket,
    task_id: FromQuery[str],
    hub: NamedDependency[Hub],
    settings: NamedDependency[Settings],
) -> None:
    """Tell a client of one task until it has come to its end."""
    await _serve(socket, hub, settings, f"task.{task_id}")


async def _serve(socket: Socket, hub: Hub, settings: Settings, only: str | None = None) -> None:
    session = Session(
        hub,
        socket.user,
        cast("Receive", socket.receive),
        cast("Send", socket.send),
        most_waiting=settings.live_queue,
    )
    await session.run(only)


ROUTES = [listen, watch_task]
