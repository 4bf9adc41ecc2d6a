"""Where the portal of a data folder answers while ``manage.py up`` or ``demo`` runs it, for links of other processes.

Nobody else knows which port was free. Where ``PUBLIC_URL`` is set, that is asked, and not this.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from pathlib import Path
from typing import IO

FILE, USUAL = "address", "http://127.0.0.1:8000"
LOCAL = re.compile(r"http://127\.0\.0\.1:([0-9]{1,5})")
PORTS = range(1, 65_536)


def of(data_dir: Path) -> str:
    """The address of the portal that runs there, or the usual one."""
    with suppress(OSError, UnicodeDecodeError), (data_dir / FILE).open(encoding="ascii") as file:
        found = LOCAL.fullmatch(file.read().strip())
        if found and int(found[1]) in PORTS and _is_held(file):
            return found[0]
    return USUAL


@contextmanager
def kept(data_dir: Path, url: str) -> Iterator[None]:
    """Have others know the address as long as the portal runs; a folder that cannot be written to tells nobody.

    The file is believed as long as somebody holds it: however the portal ends, be it with the machine, it is let go.
    """
    file, before = data_dir / FILE, of(data_dir)
    with ExitStack() as stack:
        with suppress(OSError):
            held = stack.enter_context(file.open("a", encoding="ascii"))
            flock(held, LOCK_SH)
            file.write_text(url, encoding="ascii")
        try:
            yield
        finally:
            # Another portal of this folder may have told its own since, or may still be where it was.
            with suppress(OSError, UnicodeDecodeError):
                if file.read_text(encoding="ascii") == url:
                    file.write_text(before, encoding="ascii")


def _is_held(file: IO[str]) -> bool:
    try:
        flock(file, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return True
    return False
