"""``manage.py createsuperuser``: Django's own, which gives nobody the login of a program."""

from __future__ import annotations

from django.contrib.auth.management.commands import createsuperuser

from accounts_review.audit.verification.actors import PROGRAMS


class Command(createsuperuser.Command):
    def _validate_username(self, username: str, verbose_field_name: str, database: str) -> str | None:
        if username.strip().casefold() in PROGRAMS:
            return f"The login {username} stands for a program in the audit. Choose another one."
        refusal: str | None = super()._validate_username(username, verbose_field_name, database)  # type: ignore[misc]
        return refusal
