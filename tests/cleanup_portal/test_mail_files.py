"""E-mails that are written to files hold links by which a password is set, and are for nobody else to read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from django.core.mail import get_connection, send_mail

from cleanup_portal import environment


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_nobody_else_on_the_machine_can_read_them(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch, umask: int
) -> None:
    monkeypatch.setenv("EMAIL_URL", f"filemail://{tmp_path}")
    given = environment.email("EMAIL_URL", required=True, default="")
    settings.EMAIL_BACKEND, settings.EMAIL_FILE_PATH = given["EMAIL_BACKEND"], given["EMAIL_FILE_PATH"]
    before = os.umask(umask)
    try:
        with get_connection() as mailbox:
            for number in range(2):
                send_mail(f"link {number}", "https://…", None, ["ada@example.org"], connection=mailbox)
    finally:
        os.umask(before)
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text().count("Subject: link") == 2
