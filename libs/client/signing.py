"""Ed25519 keys out of files (RFC 8032): PEM (PKCS #8) and OpenSSH."""

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
    load_ssh_private_key,
    load_ssh_public_key,
)

from libs.client.failures import Usage

OPENSSH = b"-----BEGIN OPENSSH PRIVATE KEY-----"


class PrivateKey:
    """A private key in memory."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @property
    def public_key(self) -> bytes:
        """The 32 bytes of its public half."""
        return _raw(self._key.public_key())

    def sign(self, data: bytes) -> bytes:
        """Return the 64 bytes of a signature."""
        return self._key.sign(data)


def is_locked(path: Path) -> bool:
    """Tell whether the private key in a file needs a passphrase."""
    try:
        _load_private(path.read_bytes(), None)
    except TypeError:
        return True
    except (ValueError, UnsupportedAlgorithm):
        return False
    return False


def read_private_key(path: Path, passphrase: bytes | None = None) -> PrivateKey:
    """Return the private key in a file; raises ``Usage`` for anything but an Ed25519 key."""
    try:
        key = _load_private(path.read_bytes(), passphrase)
    except TypeError as error:
        raise Usage(f"{path} needs a passphrase, or has none: {error}") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Usage(f"{path} is no private key that can be read: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise Usage(f"{path} is no Ed25519 key; make one with: ssh-keygen -t ed25519")
    return PrivateKey(key)


def read_public_key(path: Path) -> bytes:
    """Return the 32 bytes of the public key in a file: ``….pub`` of OpenSSH, or PEM."""
    content = path.read_bytes()
    if b"PRIVATE KEY-----" in content:
        raise Usage(f"{path} is a private key; give the public one: {path}.pub")
    load = load_pem_public_key if content.lstrip().startswith(b"-----") else load_ssh_public_key
    try:
        key = load(content)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Usage(f"{path} is no public key that can be read: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise Usage(f"{path} is no Ed25519 key")
    return _raw(key)


def _load_private(content: bytes, passphrase: bytes | None) -> object:
    load = load_ssh_private_key if content.lstrip().startswith(OPENSSH) else load_pem_private_key
    return load(content, password=passphrase)


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)
