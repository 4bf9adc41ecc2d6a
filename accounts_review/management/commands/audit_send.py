"""``manage.py audit_send``: deliver audit entries to AUDIT_WEBHOOK_URL, as the worker does every minute."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts_review.models import AuditDelivery
from accounts_review.tasks import outward


class Command(BaseCommand):
    help = """Post the audit entries that AUDIT_WEBHOOK_URL has not taken yet, in order. Each is delivered at least
        once; --from N begins again at a number."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--from", metavar="N", dest="first", type=int, help="deliver again from this entry on")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.AUDIT_WEBHOOK_URL:
            raise CommandError("AUDIT_WEBHOOK_URL is not set; there is nowhere to deliver to.")
        if options["first"] is not None:
            outward.resume_delivery(first=options["first"])
        taken = outward.deliver_entries()
        state = AuditDelivery.objects.filter(pk=1).first()
        self.stdout.write(f"delivered {taken:,}; up to entry {state.upto if state else 0}")
        if state and state.error:
            raise CommandError(f"The receiver did not take more: {state.error}. It is tried again every minute.")
