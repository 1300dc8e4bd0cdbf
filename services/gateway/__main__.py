"""``python -m services.gateway``."""

from libs.chassis.run import main
from services.gateway.app import SERVICE

main(SERVICE)
