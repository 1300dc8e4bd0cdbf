"""The ``strongroom`` command."""

from libs.client.cli.app import main

__all__ = ["main"]
