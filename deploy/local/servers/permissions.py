"""Who may say and hear what on NATS, derived from the streams and their owners."""

from typing import TypedDict

from deploy.local.credentials import SERVICES
from libs.contracts.streams import SHARED_RECORDS, STREAMS, publishable, streams_of

SUBSCRIBER_DURABLE = "subscriber"
"""The one durable name of users' programs: with a free choice they could take a service's."""

ASKED_BY_WORKERS = ("storage", "progress", "versioning")
HEARD_BY_GATEWAY = tuple(subject for spec in streams_of("storage") for subject in spec.subjects)
"""As they pass by: what a gateway remembers of files ends with them."""

SHARED_BY_GATEWAYS = (
    f"$KV.{SHARED_RECORDS}.>",
    f"$JS.API.STREAM.CREATE.KV_{SHARED_RECORDS}",
    f"$JS.API.STREAM.PURGE.KV_{SHARED_RECORDS}",
)

READ_STREAMS = ("$JS.API.INFO", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.LIST")


class Subjects(TypedDict):
    allow: list[str]


class Permissions(TypedDict, total=False):
    """The ``permissions`` of a user in the server's configuration."""

    publish: Subjects
    subscribe: Subjects
    allow_responses: dict[str, int | str]


def permissions(user: str) -> Permissions:
    """Return what ``user`` may do; the admin may do all."""
    if user == "admin":
        return {"publish": {"allow": [">"]}, "subscribe": {"allow": [">"]}}
    if user in SERVICES:
        return _of_service(user)
    return _of_subscriber()


def _of_service(service: str) -> Permissions:
    asked = ["rpc.>"] if service == "gateway" else [f"rpc.{name}.>" for name in ASKED_BY_WORKERS]
    heard = HEARD_BY_GATEWAY if service == "gateway" else ()
    shared = SHARED_BY_GATEWAYS if service == "gateway" else ()
    own_streams = [
        f"$JS.API.STREAM.{verb}.{spec.name}"
        for spec in streams_of(service)
        for verb in ("CREATE", "UPDATE")
    ]
    return {
        "publish": {
            "allow": [
                *publishable(service),
                *asked,
                *own_streams,
                *shared,
                *READ_STREAMS,
                "$JS.API.STREAM.INFO.*",
                "$JS.API.STREAM.MSG.GET.*",
                "$JS.API.DIRECT.GET.>",
                "$JS.API.CONSUMER.>",
                "$JS.ACK.>",
                "live.>",
                f"wake.{service}",
                "redrive.>",
                # Who is there? Only a question: the answers go to the asker's inbox.
                "$SRV.PING",
            ]
        },
        "subscribe": {
            "allow": [
                f"rpc.{service}.>",
                "live.>",
                f"wake.{service}",
                "redrive.>",
                "work.>",
                "$SRV.>",
                f"_INBOX_{service}.>",
                *heard,
            ]
        },
        # A request is answered on the asker's inbox: allowed once, and only when asked.
        "allow_responses": {"max": 1, "expires": "5m"},
    }


def _of_subscriber() -> Permissions:
    """Read events and live updates, from now on or by a durable; write nothing."""
    readable = [spec for spec in STREAMS.values() if spec.name != "WORK"]
    by_durable = [
        f"$JS.API.CONSUMER.{request}"
        for spec in readable
        for request in (
            f"CREATE.{spec.name}.{SUBSCRIBER_DURABLE}",
            f"CREATE.{spec.name}.{SUBSCRIBER_DURABLE}.>",
            f"DURABLE.CREATE.{spec.name}.{SUBSCRIBER_DURABLE}",
            f"INFO.{spec.name}.{SUBSCRIBER_DURABLE}",
            f"DELETE.{spec.name}.{SUBSCRIBER_DURABLE}",
            f"MSG.NEXT.{spec.name}.{SUBSCRIBER_DURABLE}",
        )
    ]
    streams = [f"$JS.API.STREAM.INFO.{spec.name}" for spec in readable]
    acks = [f"$JS.ACK.{spec.name}.{SUBSCRIBER_DURABLE}.>" for spec in readable]
    events = [subject for spec in readable for subject in spec.subjects]
    return {
        "publish": {"allow": [*READ_STREAMS, *streams, *by_durable, *acks]},
        "subscribe": {"allow": [*events, "live.>", "_INBOX_subscriber.>"]},
    }
