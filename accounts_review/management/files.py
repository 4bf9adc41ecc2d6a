"""The files that a command is given: read whole and written whole, or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from django.core.management.base import CommandError

LARGEST = 2**30


def content_of(path: Path, *, largest: int = LARGEST) -> bytes:
    """What a file holds. Raises ``CommandError`` where it cannot be read or is larger; a device may have no end."""
    try:
        with path.open("rb") as file:
            content = file.read(largest + 1)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > largest:
        raise CommandError(f"{path} cannot be read: it holds more than {largest:,} bytes")
    return content


@contextmanager
def written_whole(path: Path) -> Iterator[IO[bytes]]:
    """A file to write, which has its name only once it is whole; one that is there stays as it is until then.

    A pipe or a device is written to directly. Raises ``CommandError`` where it cannot be written.
    """
    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as file:
                yield file
            return
        # Where the name is a link, it stays one.
        target = Path(os.path.realpath(path))
        draft = target.with_name(f"{target.name}.{os.getpid()}.part")
        try:
            with draft.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            if target.exists():
                shutil.copymode(target, draft)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}") from None
