"""JSON bodies are read strictly."""

from typing import Any

from litestar import Request
from litestar.datastructures import State
from litestar.types import Empty

from services.gateway.domain import strict_json
from services.gateway.domain.failures import MediaTypeNotSupported
from services.gateway.domain.keys import Identity


class StrictRequest(Request[Identity, Any, State]):
    """A request whose JSON has one meaning."""

    async def json(self) -> Any:
        """Return the body's value; raises ``MalformedBody`` or ``MediaTypeNotSupported``."""
        if self._json is Empty:
            essence = self.headers.get("content-type", "").partition(";")[0].strip().lower()
            if essence != "application/json":
                raise MediaTypeNotSupported("send Content-Type: application/json")
            self._json = strict_json.decode(await self.body())
        return self._json
