"""Alert: tell every administrator at once when somebody did what could harm many, with the way to hold everything.

Like the digest, what counts as told is the audit entry of the mail: one that could not be sent is made up for.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.audit.sentences import of_act
from accounts_review.models import AuditEntry, Workspace, people_who_may
from accounts_review.workflow.notify.digest import LONGEST_SENTENCE, sent
from accounts_review.workflow.notify.emails import one_line
from accounts_review.workflow.notify.news import news

ALERTING = tuple(event for event in Event if event.words.alert)
STALE = timedelta(days=1)
"""What is older is no alarm any more; it is in the audit."""
MOST = 20
"""So many acts are named in one mail; the rest are counted."""


def owed(workspace: Workspace, *, now: datetime) -> QuerySet[AuditEntry]:
    """What administrators were not told yet: nothing where none of them has an address.

    Dry runs harm nobody, and the portal alarms nobody about itself.
    """
    if not _people(workspace).exists():
        return AuditEntry.objects.none()
    entries = AuditEntry.objects.of(workspace).filter(at__gt=now - STALE)
    told = entries.filter(kind=Event.ALERT_SENT).values_list("data__upto", flat=True).order_by("-seq").first() or 0
    dry = workspace.cleanups.filter(dry_run=True).values_list("number", flat=True)
    acts = entries.filter(kind__in=ALERTING, seq__gt=told).exclude(cleanup__in=list(dry))
    acts = acts.exclude(kind=Event.WORKSPACE_MODE_SET, data__to=Workspace.Mode.DRY_RUN)
    return acts.exclude(actor_ref__name="portal").order_by("seq")


def tell_administrators(*, workspace: Workspace, now: datetime) -> int:
    """Mail what is owed to everyone who may administer; returns to how many.

    Where no mail gets through, nothing is recorded, and the next try tells it all.
    """
    entries = list(owed(workspace, now=now))
    if not entries:
        return 0
    with override(workspace.language):
        acts = [(entry.at, entry.actor, one_line(of_act(entry), longest=LONGEST_SENTENCE)) for entry in entries]
        context = {
            "acts": acts[:MOST],
            "more": len(acts[MOST:]),
            "hold": settings.PUBLIC_URL + reverse("hold"),
            "audit": settings.PUBLIC_URL + reverse("audit", kwargs={"workspace": workspace.name}),
        }
        _at, actor, clause = acts[0]
        subject = _("%(workspace)s: %(actor)s %(said)s") % {"workspace": workspace.name, "actor": actor, "said": clause}
        written = news("alert", context, subject=subject, workspace=workspace)
    told = len(sent([written.to(person.email) for person in _people(workspace)]))
    if told:
        data = {"upto": entries[-1].seq, "acts": len(entries), "recipients": told}
        audit.log([workspace], kind=Event.ALERT_SENT, actor="portal", now=now, data=data)
    return told


def _people(workspace: Workspace) -> QuerySet[User]:
    """Who may administer it and has an address."""
    return people_who_may("administer", workspace).exclude(email="")


def tell_of_attack(*, login: str) -> None:
    """Mail the owner of a login that somebody tries passwords for it; a login that nobody has is nobody's news."""
    owner = User.objects.filter(username__iexact=login, is_active=True).exclude(email="").first()
    if owner is None:
        return
    context = {"login": owner.get_username(), "url": settings.PUBLIC_URL + reverse("account_login")}
    body = render_to_string("emails/attack/body.txt", context)
    sent([EmailMessage(subject=_("Someone is trying to sign in as you"), body=body, to=[owner.email])])
