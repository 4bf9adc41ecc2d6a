"""The secret key of a portal that was given none: made at its first start, and kept in a file."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from django.core.exceptions import ImproperlyConfigured

SHORTEST = 32


def kept_key(path: Path) -> str:
    """The key in the file, which is made where there is none. Raises ``ImproperlyConfigured`` where it is of no use."""
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_whole(path, secrets.token_urlsafe(50))
        key = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"DATA_DIR cannot be used: {path}: {error.strerror}. "
            "Set DATA_DIR to a folder in which the portal may write, and check the room on its disk."
        ) from None
    except UnicodeError:
        key = ""
    if len(key) < SHORTEST:
        raise ImproperlyConfigured(
            f"{path} holds no key of {SHORTEST} characters or more. Restore it from a backup, or set SECRET_KEY. "
            "If the portal has never run with it, remove the file, and a new one is made."
        )
    return key


def _write_whole(path: Path, content: str) -> None:
    """Make a file that appears with all of its content, even on a full disk; of several at once, the first stays."""
    with NamedTemporaryFile(dir=path.parent, prefix=path.name, mode="w") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(file.name, path)
