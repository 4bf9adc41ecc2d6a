"""The e-mails to people: their text, their language, and a test to oneself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.mail import EmailMultiAlternatives
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts_review.models import may, permit
from accounts_review.web.shared.access import WorkspaceView
from accounts_review.workflow import workspaces
from accounts_review.workflow.notify.emails import KINDS, sample
from accounts_review.workflow.notify.send import send_test

TITLES: dict[str, Promise] = {
    "notice": gettext_lazy("Warning"),
    "reminder": gettext_lazy("Reminder"),
    "closing": gettext_lazy("Closing e-mail"),
    "kept": gettext_lazy("You keep your access"),
}
MADE_UP = "camille@example.org"


@dataclass(frozen=True, slots=True)
class Shown:
    """An e-mail as the page shows it."""

    kind: str
    title: str
    subject: str
    text: str
    html: str


class LanguageForm(forms.Form):
    """The language of the e-mails."""

    language = forms.ChoiceField(
        label=gettext_lazy("Language of the e-mails"),
        choices=settings.LANGUAGES,
        widget=forms.Select({"class": "form-select"}),
    )


class EmailsPage(WorkspaceView):
    """The e-mails to a fictitious person; the HTML part as text or as a download."""

    template_name = "accounts_review/policy/emails.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        if kind := request.GET.get("download"):
            return self._download(kind)
        context = {
            "emails": [self._shown(kind) for kind in KINDS],
            "form": LanguageForm(initial={"language": self.workspace.language}),
            "address": self.request.user.email if may(self.request.user, "operate", self.workspace) else "",
            "may_operate": may(self.request.user, "operate", self.workspace),
            "may_administer": may(self.request.user, "administer", self.workspace),
        }
        return self.render_to_response(self.get_context_data(**context))

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        if "language" in request.POST:
            self._choose_language()
        else:
            self._test(str(request.POST.get("kind", "")))
        return redirect("emails", workspace=self.workspace.name)

    def _test(self, kind: str) -> None:
        permit(self.request.user, "operate", self.workspace)
        problem = send_test(workspace=self.workspace, kind=_known(kind), actor=self.request.user, now=self.now)
        if problem:
            messages.error(self.request, problem)
        else:
            messages.success(self.request, _("Sent to %(address)s.") % {"address": self.request.user.email})

    def _choose_language(self) -> None:
        permit(self.request.user, "administer", self.workspace)
        form = LanguageForm(self.request.POST)
        if not form.is_valid():
            raise Http404
        language = form.cleaned_data["language"]
        workspaces.set_language(workspace=self.workspace, language=language, actor=self.request.user, now=self.now)
        messages.success(self.request, _("E-mails are sent in this language from now on."))

    def _download(self, kind: str) -> HttpResponse:
        name = f"{_known(kind)}-{self.workspace.language}.html"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return HttpResponse(_html(self._sample(kind)), content_type="text/html; charset=utf-8", headers=headers)

    def _shown(self, kind: str) -> Shown:
        message = self._sample(kind)
        return Shown(kind, str(TITLES[kind]), str(message.subject), str(message.body), _html(message))

    def _sample(self, kind: str) -> EmailMultiAlternatives:
        return sample(self.workspace, kind, to=MADE_UP, now=self.now)


def _html(message: EmailMultiAlternatives) -> str:
    return str(message.alternatives[0][0])


def _known(kind: str) -> str:
    if kind not in KINDS:
        raise Http404
    return kind
