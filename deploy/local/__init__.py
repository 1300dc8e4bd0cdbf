"""The embedded stack: real PostgreSQL, NATS and S3 servers out of wheels, and the services."""

from deploy.local.stack import AlreadyRunning, Stack

__all__ = ["AlreadyRunning", "Stack"]
