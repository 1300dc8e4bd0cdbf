"""Encoded bytes that do not prove themselves."""


class Damaged(Exception):
    """These are not the bytes that were encoded; layers say of which blob (``BlobDamaged``)."""
