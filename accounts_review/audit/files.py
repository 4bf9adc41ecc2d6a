"""Files of this host beside the database: its key, and what only the portal may read."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.utils.translation import gettext as _


def load_key(path: Path) -> Ed25519PrivateKey:
    """The key in a file. Raises ``ValueError``, ``OSError``."""
    return _read_key(path.read_bytes())


@lru_cache(maxsize=2)
def _read_key(content: bytes) -> Ed25519PrivateKey:
    key = serialization.load_pem_private_key(content, None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(_("The key is of the wrong type."))
    return key


def put(path: Path, content: bytes) -> None:
    """Write a file that only we may read, whole or not at all, and have it on the disk."""
    draft = path.with_suffix(f".{os.getpid()}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
