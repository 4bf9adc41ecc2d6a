"""Where the portal of a data folder answers while ``manage.py up`` or ``demo`` runs it, for links of other processes.

Nobody else knows which port was free. Where ``PUBLIC_URL`` is set, that is asked, and not this.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

FILE, USUAL = "address", "http://127.0.0.1:8000"
LOCAL = re.compile(r"http://127\.0\.0\.1:[0-9]{1,5}")


def of(data_dir: Path) -> str:
    """The address of the portal that runs there, or the usual one."""
    with suppress(OSError, UnicodeDecodeError):
        kept = (data_dir / FILE).read_text(encoding="ascii").strip()
        return kept if LOCAL.fullmatch(kept) else USUAL
    return USUAL


@contextmanager
def kept(data_dir: Path, url: str) -> Iterator[None]:
    """Have others know the address as long as the portal runs; a folder that cannot be written to tells nobody."""
    file = data_dir / FILE
    with suppress(OSError):
        file.write_text(url, encoding="ascii")
    try:
        yield
    finally:
        with suppress(OSError):
            file.unlink(missing_ok=True)
