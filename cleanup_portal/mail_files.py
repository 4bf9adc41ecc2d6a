"""E-mails as files that nobody else on the machine can read: they hold links by which a password is set."""

from __future__ import annotations

import os

from django.core.mail.backends import filebased


class FileBackend(filebased.EmailBackend):
    """Django's, whatever the umask."""

    def open(self) -> bool:
        if self.stream is not None:
            return False
        self.stream = open(self._get_filename(), "ab", opener=_for_us_alone)  # noqa: SIM115 (``close`` does)
        return True


def _for_us_alone(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
