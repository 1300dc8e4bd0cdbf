"""Live updates over WebSockets."""

from typing import Any, cast
from uuid import UUID

from litestar import WebSocket, websocket
from litestar.di import NamedDependency
from litestar.params import FromQuery

from services.gateway.domain.live import Topic
from services.gateway.edge.access import Access
from services.gateway.edge.asgi import Receive, Send
from services.gateway.edge.gate import needs
from services.gateway.edge.own_tasks import check_own_task
from services.gateway.edge.platform import Platform
from services.gateway.live.hub import Hub
from services.gateway.live.session import Session
from services.gateway.settings import Settings

Socket = WebSocket[Any, Any, Any]


@websocket("/live", opt=needs("read"))
async def listen(
    socket: Socket,
    hub: NamedDependency[Hub],
    platform: NamedDependency[Platform],
    access: NamedDependency[Access],
    settings: NamedDependency[Settings],
) -> None:
    """Serve a client that subscribes to topics."""
    await _session(socket, hub, platform, access, settings).run()


@websocket("/progress/ws", opt=needs("read") | {"query": {"task_id"}})
async def watch_task(
    socket: Socket,
    task_id: FromQuery[str],
    hub: NamedDependency[Hub],
    platform: NamedDependency[Platform],
    access: NamedDependency[Access],
    settings: NamedDependency[Settings],
) -> None:
    """Tell a client of one task until it has come to its end."""
    await _session(socket, hub, platform, access, settings).run(f"task.{task_id}")


def _session(
    socket: Socket, hub: Hub, platform: Platform, access: Access, settings: Settings
) -> Session:
    async def check(topic: Topic) -> None:
        """Raise unless the client may hear of the whole bucket, or the task is its own."""
        if topic.kind == "bucket":
            await access.check(topic.key)
        else:
            await check_own_task(platform, access, UUID(topic.key))

    return Session(
        hub,
        socket.user,
        cast("Receive", socket.receive),
        cast("Send", socket.send),
        check=check,
        most_waiting=settings.live_queue,
    )


ROUTES = [listen, watch_task]
