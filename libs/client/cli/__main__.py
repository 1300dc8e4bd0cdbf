"""``python -m libs.client.cli`` is the ``strongroom`` command of a checkout."""

from libs.client.cli.app import main

main()
