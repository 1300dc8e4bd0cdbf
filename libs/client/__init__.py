"""The Python client of Strongroom, and the ``strongroom`` command.

It knows the gateway's address and a key, and nothing else of the platform.
"""

from libs.client.client import Client
from libs.client.connection import Connection, find_connection
from libs.client.failures import (
    ApiProblem,
    ChangedMeanwhile,
    ClientFailure,
    DigestMismatch,
    FileNotFound,
    NoPlatform,
    TaskFailed,
    UnexpectedAnswer,
    Unreachable,
)
from libs.client.live import Gap
from libs.client.retries import NEVER, RetryPolicy

__all__ = [
    "NEVER",
    "ApiProblem",
    "ChangedMeanwhile",
    "Client",
    "ClientFailure",
    "Connection",
    "DigestMismatch",
    "FileNotFound",
    "Gap",
    "NoPlatform",
    "RetryPolicy",
    "TaskFailed",
    "UnexpectedAnswer",
    "Unreachable",
    "find_connection",
]
