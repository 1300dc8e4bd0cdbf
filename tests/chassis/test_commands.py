import pytest

from libs.chassis.bus import Bus
from libs.chassis.run import opened
from libs.contracts.problems import ServiceUnavailable


async def test_a_command_waits_for_a_server_less_long_than_a_service_does() -> None:
    nowhere = Bus("nobody", "nats://a:b@127.0.0.1:1")

    with pytest.raises(ServiceUnavailable, match="the bus does not answer"):
        async with opened([nowhere], within_s=0.2):
            pass
