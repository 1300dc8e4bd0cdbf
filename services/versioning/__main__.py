from libs.chassis.run import main
from services.versioning.app import SERVICE

main(SERVICE)
