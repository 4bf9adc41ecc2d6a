"""The files that a command is given: read whole and written whole, or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

from django.core.management.base import CommandError

LARGEST = 2**30


class NotWritten(CommandError):
    """A file cannot be written; ``strerror`` says why without its name, as that of an ``OSError`` does."""

    def __init__(self, path: Path, error: OSError) -> None:
        self.strerror = error.strerror
        super().__init__(f"{path} cannot be written: {self.strerror}")


# A folder that may not be written, a file of somebody else (EINVAL: whom a container does not know), one that is
# mounted: the file may be writable all the same.
NOT_HERE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY, errno.EXDEV, errno.ENAMETOOLONG, errno.EINVAL}


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

    Nobody else can read it before; then it has the owner and the mode of the one that was there. A pipe, a device
    and a file whose place no other can take are written to directly.
    Raises :class:`NotWritten`.
    """
    try:
        # Where the name is a link, it stays one.
        target = Path(os.path.realpath(path))
        draft = None if path.exists() and not path.is_file() else _draft_for(target)
        if draft is None:
            with path.open("wb") as file:
                yield file
            return
        try:
            with draft:
                yield draft
                draft.flush()
                os.fsync(draft.fileno())
                _put(draft, target)
        finally:
            Path(draft.name).unlink(missing_ok=True)
    except OSError as error:
        raise NotWritten(path, error) from None


def _draft_for(target: Path) -> IO[bytes] | None:
    """A new file in the same folder; none where it takes no other than the one that is there."""
    try:
        return NamedTemporaryFile(dir=target.parent, prefix="draft-", suffix=".part", delete=False)
    except OSError as error:
        if error.errno in NOT_HERE and target.exists():
            return None
        raise


def _put(draft: IO[bytes], target: Path) -> None:
    """Give the draft its name, or what it holds to the file whose place it cannot take."""
    try:
        if target.exists():
            there = target.stat()
            os.chown(draft.name, there.st_uid, there.st_gid)
            os.chmod(draft.name, stat.S_IMODE(there.st_mode))
        else:
            umask = os.umask(0o077)
            os.umask(umask)
            os.chmod(draft.name, 0o666 & ~umask)
        os.replace(draft.name, target)
    except OSError as error:
        if error.errno not in NOT_HERE or not target.exists():
            raise
        draft.seek(0)
        with target.open("wb") as file:
            shutil.copyfileobj(draft, file)
