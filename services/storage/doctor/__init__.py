"""What storage finds out for ``doctor``: how safe what it keeps really is."""

from services.storage.doctor.blobs import examine_blobs, examine_master_keys
from services.storage.doctor.database import examine_postgresql
from services.storage.doctor.messages import examine_nats
from services.storage.doctor.secrets import examine_secrets
from services.storage.doctor.stores import examine_stores
from services.storage.doctor.waits import examine_waits

CHECKUPS = (
    examine_postgresql,
    examine_nats,
    examine_stores,
    examine_blobs,
    examine_master_keys,
    examine_secrets,
    examine_waits,
)
