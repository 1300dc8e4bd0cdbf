from libs.chassis.run import main
from services.progress.app import SERVICE

main(SERVICE)
