"""The policy as privacy texts: what it means for people's data, for the privacy notice and the register."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from accounts_review.models import may, permit
from accounts_review.web.shared.access import WorkspaceView
from accounts_review.wording import privacy
from accounts_review.workflow.policy import activate
from accounts_review.workflow.retention import due
from accounts_review.workflow.retention.erase import NotErasable

MOST_SHOWN = 50


class PrivacyTexts(WorkspaceView):
    """Both texts in every language; who copied them says so, and is reminded when the policy changes."""

    template_name = "accounts_review/policy/privacy.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        version = self.workspace.current_policy
        controller = privacy.Controller(
            name=self.workspace.shown_name, contact=self.workspace.contact or settings.EMAIL_CONTACT
        )
        known: dict[str, Any] = {
            "controller": controller,
            "version": version.number,
            "since": version.activated_at,
        }
        texts = []
        for code, name in settings.LANGUAGES:
            with override(code):
                paragraph = privacy.privacy_paragraph(version.rules, **known)
                texts.append((code, str(name), paragraph, privacy.register_entry(version.rules, **known)))
        context = {"texts": texts, "version": version, "copied": self.workspace.copied}
        context["is_old"] = bool(self.workspace.copied) and self.workspace.copied["version"] != version.number
        if may(self.request.user, "administer", self.workspace):
            first, count = due.first_due(self.workspace, now=self.now, most=MOST_SHOWN)
            people = [person.username for person in due.due_people(self.workspace, now=self.now)]
            names = [*first, *people][:MOST_SHOWN]
            context["due"] = {"count": count + len(people), "first": names, "months": version.rules.retention}
        return self.render_to_response(self.get_context_data(**context))

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        permit(self.request.user, "administer", self.workspace)
        activate.note_copied(self.workspace, login=self.request.user.get_username(), now=self.now)
        messages.success(request, _("Recorded. The overview will tell you when the policy changes."))
        return redirect("policy_record", workspace=self.workspace.name)


class BeginRetention(WorkspaceView):
    """Let the nightly task erase from now on, once an administrator has seen whom it concerns."""

    needs = "administer"
    asks_anew = gettext_lazy("Erase personal data every night")

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        try:
            due.begin(workspace=self.workspace, actor=self.request.user, now=self.now)
        except NotErasable as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("From tonight on, personal data are erased when their retention period ends."))
        return redirect("policy_record", workspace=self.workspace.name)
