"""What stands in the way of joining the embedded server: threads that come at the same moment, odd paths, and a folder
that is gone."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from functools import cache, wraps
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import TypeVar

Joined = TypeVar("Joined")

_PLAIN = re.compile(r"[A-Za-z0-9/._+@%:,=-]+")


def once(join: Callable[[Path], Joined]) -> Callable[[Path], Joined]:
    """Have it done once for each folder; threads that ask meanwhile wait, which ``cache`` alone does not make them."""
    lock, joined = Lock(), cache(join)

    @wraps(join)
    def wait_and_join(folder: Path) -> Joined:
        with lock:
            return joined(folder)

    return wait_and_join


def forget_a_runtime_folder_that_is_gone() -> None:
    """Have the library keep its lock elsewhere than where it may make no folder.

    That of a login goes with it, and what runs on, as under ``nohup`` or ``tmux``, still has its name.
    """
    name = "XDG_RUNTIME_DIR"
    if name in os.environ and not Path(os.environ[name]).is_dir():
        del os.environ[name]


def plain_path(folder: Path, *, links: Path) -> Path:
    """The folder under a name that a shell leaves alone: its own, or that of a link to it in ``links``.

    ``pg_ctl`` hands the names of data folder and socket to a shell.
    """
    folder = folder.resolve()
    if _PLAIN.fullmatch(str(folder)):
        return folder
    links.mkdir(parents=True, exist_ok=True)
    link = links / f"data-{sha256(bytes(folder)).hexdigest()[:16]}"
    # Another process may make the same one meanwhile.
    with suppress(FileExistsError):
        link.symlink_to(folder)
    return link
