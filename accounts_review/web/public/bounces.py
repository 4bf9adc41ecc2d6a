"""What the mail provider reports: a notice that bounced does not count."""

from __future__ import annotations

from typing import Any

import structlog
from anymail import urls
from anymail.exceptions import AnymailWebhookValidationFailure
from anymail.signals import AnymailTrackingEvent, EventType
from anymail.webhooks.base import AnymailCoreWebhookView
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.utils.timezone import now
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import View

from accounts_review.huwise.records import storable
from accounts_review.workflow.notify import bounces

NOT_DELIVERED = {EventType.BOUNCED, EventType.REJECTED, EventType.FAILED, EventType.COMPLAINED}
"""Who marks a warning as spam got it, but the provider will send them nothing more: a person has to look."""

log = structlog.get_logger(__name__)


@method_decorator([csrf_exempt, login_not_required], name="dispatch")
class Bounces(View):
    """The webhook that the provider calls: there only with a secret, and closed to who does not know it."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        reader = _reader()
        try:
            reader.run_validators(request)
            events: list[AnymailTrackingEvent] = reader.parse_events(request)
        except AnymailWebhookValidationFailure:
            return HttpResponse(status=403)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as malformed:
            log.warning("the mail provider's report cannot be read", error=repr(malformed))
            return HttpResponse(status=400)
        marked = [_mark(event) for event in events if event.event_type in NOT_DELIVERED]
        return HttpResponse(status=200 if all(marked) else 500)


def _reader() -> AnymailCoreWebhookView:
    """What checks and reads the reports of our provider; there is none without a provider and a secret."""
    if not (settings.EMAIL_PROVIDER and settings.ANYMAIL.get("WEBHOOK_SECRET")):
        raise Http404
    name = f"{settings.EMAIL_PROVIDER}_tracking_webhook"
    view: Any = next(pattern.callback for pattern in urls.urlpatterns if pattern.name == name)
    reader: AnymailCoreWebhookView = view.view_class()
    return reader


def _mark(event: AnymailTrackingEvent) -> bool:
    """Have one event marked; false where it could not be, so that the provider says it again. The others go on."""
    parts = (event.event_type, event.reject_reason, event.description, event.mta_response)
    try:
        bounces.mark_bounced(
            message_id=storable(str(event.message_id or "")),
            recipient=storable(str(event.recipient or "")),
            why=": ".join(dict.fromkeys(str(part) for part in parts if part)),
            now=now(),
        )
    except DatabaseError as failure:
        log.warning("a bounce could not be recorded", error=str(failure))
        return False
    return True
