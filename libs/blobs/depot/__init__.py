"""The seam of the byte path: gateway, storage and backup read and write original bytes here."""

from libs.blobs.depot.depot import Depot, compressed_frames, compressed_size
from libs.blobs.depot.plan import PLAIN, Encoded, Plan, Written

__all__ = ["PLAIN", "Depot", "Encoded", "Plan", "Written", "compressed_frames", "compressed_size"]
