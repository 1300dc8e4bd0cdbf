from libs.chassis.run import main
from services.storage.app import SERVICE

main(SERVICE)
