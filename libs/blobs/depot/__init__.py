"""The seam of the byte path: gateway, storage and backup read and write original bytes here."""

from libs.blobs.depot.depot import Depot
from libs.blobs.depot.plan import PLAIN, Compression, Encoded, Encryption, Plan, Written

__all__ = ["PLAIN", "Compression", "Depot", "Encoded", "Encryption", "Plan", "Written"]
