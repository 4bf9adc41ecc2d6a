"""``manage.py add_workspace``: a further workspace; its key is stored encrypted and never shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts_review.management.files import content_of
from accounts_review.management.shell import SAID, actor_named
from accounts_review.models import Access
from accounts_review.tasks import sources
from accounts_review.wording import findings
from accounts_review.workflow.connect import Description

LARGEST_KEY = 4096


class Command(BaseCommand):
    help = """Add a workspace, in dry run, once its address and key were found to answer. Nothing is stored otherwise.
        Prints what the connection check found."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "name", metavar="NAME", help="its name in the portal: letters, digits, hyphens, underscores"
        )
        parser.add_argument("url", metavar="URL", help="its address, such as https://data.example.org")
        parser.add_argument("--key-file", metavar="F", required=True, help="a file that holds the API key")
        parser.add_argument("--key-owner", metavar="USERNAME", default="", help="where the API does not tell")
        parser.add_argument("--actor", metavar="LOGIN", help="your login; recorded in the audit")
        parser.add_argument("--title", default="", help="its name as people know it")
        parser.add_argument("--contact", default="", help="whom e-mails tell people to ask")
        parser.add_argument("--sender", default="", help="from whom e-mails to people come")
        parser.add_argument("--language", default="en", choices=[code for code, _ in settings.LANGUAGES])

    def handle(self, *args: Any, **options: Any) -> None:
        actor = actor_named(options["actor"])
        access = Access(
            url=options["url"].strip(), api_key=_key_in(options["key_file"]), key_owner=options["key_owner"]
        )
        description = Description(**{name: options[name] for name in ("title", "contact", "sender", "language")})
        try:
            workspace = sources.add_workspace(name=options["name"], access=access, description=description, actor=actor)
        except (*SAID, ValueError) as error:
            raise CommandError(str(error)) from None
        for connection_check in workspace.connection_checks.all():
            for found in connection_check.findings:
                self.stdout.write(f"{'good' if found['is_good'] else 'BAD '}  {findings.in_words(found)}")
        self.stdout.write(f"{workspace} was added, in dry run; sync it: manage.py sync --workspace {workspace}")


def _key_in(path: str) -> str:
    try:
        return content_of(Path(path), largest=LARGEST_KEY).decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise CommandError(f"{path} holds no API key: it is not text.") from None
