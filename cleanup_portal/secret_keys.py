"""The secret keys: from the environment, or made at the first start and kept in a file."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from django.core.exceptions import ImproperlyConfigured

from cleanup_portal import environment as env

SHORTEST = 32


def secret_key(*, required: bool, kept_in: Path) -> str:
    """``SECRET_KEY``, or, where it is not required, one made at the first start and kept in a file."""
    value = env.text("SECRET_KEY", default="")
    if value and len(value) < SHORTEST:
        raise ImproperlyConfigured("SECRET_KEY is shorter than 32 characters; make a long random one.")
    if value:
        return value
    if required:
        raise ImproperlyConfigured(
            "SECRET_KEY is not set; a portal that others can reach needs a long random one "
            "(python -c 'import secrets; print(secrets.token_urlsafe(50))')."
        )
    return _kept_key(kept_in)


def former_secret_keys() -> list[str]:
    """``SECRET_KEY_FALLBACKS``: keys that were replaced, so that links which were mailed under them still work."""
    keys = env.names("SECRET_KEY_FALLBACKS", default=[])
    if any(len(key) < SHORTEST for key in keys):
        raise ImproperlyConfigured("SECRET_KEY_FALLBACKS holds a key of less than 32 characters; separate by commas.")
    return keys


def _kept_key(path: Path) -> str:
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
