"""What happens, while it happens: topics over one WebSocket, continued after every interruption."""

from collections.abc import AsyncGenerator

from msgspec import Struct

from libs.client.transport import Transport
from libs.contracts.base import Event
from libs.contracts.progress import TaskInfo


class Gap(Struct, frozen=True):
    """Something of ``topic`` was missed for ever; what follows is whole again."""

    topic: str


class Live:
    """Subscriptions to topics."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def bucket(self, name: str) -> AsyncGenerator[Event | Gap, None]:
        raise NotImplementedError
        yield

    async def task(self, task: TaskInfo) -> AsyncGenerator[TaskInfo, None]:
        raise NotImplementedError
        yield
