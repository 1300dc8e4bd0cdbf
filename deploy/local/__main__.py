"""``python -m deploy.local``."""

from deploy.local.cli import app

app()
