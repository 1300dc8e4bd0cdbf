"""``python -m services.backup``: serve, or one of the operator's commands."""

from libs.chassis.run import main
from services.backup.app import SERVICE

main(SERVICE)
