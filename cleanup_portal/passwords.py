"""Passwords that everybody tries first are refused, also with a few characters put after them."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth.password_validation import CommonPasswordValidator as Listed
from django.core.exceptions import ValidationError

AFTERWARDS = re.compile(r"[\W\d_]+$")
REPEATED = re.compile(r"(.{1,6}?)\1+.{0,2}$", re.DOTALL)


class CommonPasswordValidator(Listed):
    """Django's list of 20,000 breached passwords, held against the word within a long one as well."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raises ``ValidationError`` for a listed one, with or without what follows it, or a short one repeated."""
        bare = AFTERWARDS.sub("", password.casefold().strip())
        for candidate in (password, bare):
            super().validate(candidate, user)
        if REPEATED.fullmatch(password):
            raise ValidationError(self.get_error_message(), code="password_too_common")
