"""The e-mails to people: their text, their language, and a test to oneself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.mail import EmailMultiAlternatives
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts_review.models import may, permit
from accounts_review.web.shared.access import WorkspaceView
from accounts_review.web.shared.frames import SHOWN_ALONE
from accounts_review.web.shared.seen import as_refused, changes
from accounts_review.workflow import workspaces
from accounts_review.workflow.notify import own_texts
from accounts_review.workflow.notify.emails import KINDS, default_texts, sample
from accounts_review.workflow.notify.own_texts import IN_LINES, Texts, parts_of, placeholders, problems, texts_of
from accounts_review.workflow.notify.send import send_test

TITLES: dict[str, Promise] = {
    "notice": gettext_lazy("Notice"),
    "reminder": gettext_lazy("Reminder"),
    "closing": gettext_lazy("Removal e-mail"),
    "kept": gettext_lazy("You keep your access"),
}
MADE_UP = "camille@example.org"
LABELS: dict[str, Promise] = {
    "subject": gettext_lazy("Subject"),
    "body": gettext_lazy("Text"),
    "greeting": gettext_lazy("Greeting"),
    "signature": gettext_lazy("Signature"),
    "sender_name": gettext_lazy("Sender name"),
    "reply_to": gettext_lazy("Reply to"),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """An e-mail as the page shows it, and the form that changes what it says."""

    kind: str
    title: str
    subject: str
    text: str
    form: TextsForm


class LanguageForm(forms.Form):
    """The language of the e-mails."""

    language = forms.ChoiceField(
        label=gettext_lazy("Language of the e-mails"),
        choices=settings.LANGUAGES,
        widget=forms.Select({"class": "form-select"}),
        show_hidden_initial=True,
    )


class TextsForm(forms.Form):
    """The parts of one e-mail, or of all of them; what is left as the portal has it is not kept."""

    def __init__(self, data: QueryDict | None = None, *, kind: str, default: dict[str, str], own: Texts) -> None:
        super().__init__(data, auto_id=f"email-{kind or 'all'}-%s")
        self.kind, self.default = kind, default
        for part in parts_of(kind):
            area, line = forms.Textarea({"rows": 14 if part == "body" else 2}), forms.TextInput()
            widget = area if part in IN_LINES else line
            self.initial[part] = own.get((kind, part), "") or default[part]
            self.fields[part] = forms.CharField(
                required=False, label=str(LABELS[part]), widget=widget, strip=True, show_hidden_initial=True
            )

    def clean(self) -> dict[str, str]:
        given = super().clean() or {}
        for part in list(given):
            given[part] = given[part].replace("\r\n", "\n").strip()
            # The portal's own words are not kept: what they take from the settings may be longer, or have braces.
            for problem in problems(self.kind, part, given[part]) if given[part] != self.default[part] else ():
                self.add_error(part, problem)
        return given

    def texts(self, own: Texts) -> dict[str, str]:
        """What was changed, "" where it is the portal's own words; where others changed the same, errors instead.

        ``own`` is what the workspace says now.
        """
        changed = changes(
            self, current={part: own.get((self.kind, part), "") or self.default[part] for part in self.fields}
        )
        return {part: "" if text == self.default[part] else text for part, text in changed.items()}

    @property
    def known(self) -> list[str]:
        """The placeholders that may be written."""
        return [f"{{{name}}}" for name in placeholders(self.kind)]


class EmailsPage(WorkspaceView):
    """The e-mails to a fictitious person, and the forms that change what they say."""

    needs_to_act = "administer"
    template_name = "accounts_review/policy/emails.html"

    def harm(self, request: HttpRequest, **kwargs: Any) -> str | Promise:
        """A test to oneself changes nothing."""
        return gettext_lazy("Change the e-mails") if {"language", "verb"} & set(request.POST) else ""

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        if kind := request.GET.get("download"):
            return self._download(kind)
        if kind := request.GET.get("show"):
            return self._alone(kind)
        return self._page()

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        if "language" in request.POST:
            return self._choose_language()
        if "verb" in request.POST:
            return self._save()
        self._test(str(request.POST.get("kind", "")))
        return self._again()

    @property
    def written_in(self) -> str:
        """The language whose texts are shown: the workspace's, or the one asked for."""
        asked = str(self.request.POST.get("written_in") or self.request.GET.get("in", ""))
        return asked if asked in dict(settings.LANGUAGES) else self.workspace.language

    def _page(
        self, given: TextsForm | None = None, language: LanguageForm | None = None, *, status: int = 200
    ) -> HttpResponse:
        own, forms_of = texts_of(self.workspace, self.written_in), dict[str, TextsForm]()
        if given:
            given = as_refused(given, current=given.initial)
        for kind in ("", *KINDS):
            forms_of[kind] = given if given and given.kind == kind else self._form(kind, own)
        may_administer = may(self.request.user, "administer", self.workspace)
        may_operate = may(self.request.user, "operate", self.workspace)
        context = {
            "emails": [self._shown(kind, forms_of[kind]) for kind in KINDS],
            "for_all": forms_of[""],
            "form": language or LanguageForm(initial={"language": self.workspace.language}),
            "address": self.request.user.email if may_operate else "",
            "may_operate": may_operate,
            "may_administer": may_administer,
            "written_in": self.written_in,
            "languages": settings.LANGUAGES,
        }
        return self.render_to_response(self.get_context_data(**context), status=status)

    def _form(self, kind: str, own: Texts, data: QueryDict | None = None) -> TextsForm:
        default = default_texts(self.workspace, kind, language=self.written_in, now=self.now)
        return TextsForm(data, kind=kind, default=default, own=own)

    def _save(self) -> HttpResponse:
        """Keep what was written, and send it to oneself where that was asked for."""
        permit(self.request.user, "administer", self.workspace)
        kind = str(self.request.POST.get("kind", ""))
        form = self._sent(_known(kind) if kind else "")
        if not form.is_valid():
            return self._page(form, status=400)
        with workspaces.held(self.workspace):
            texts = form.texts(texts_of(self.workspace, self.written_in))
            own_texts.save(
                workspace=self.workspace,
                language=self.written_in,
                kind=kind,
                texts=texts,
                actor=self.request.user,
                now=self.now,
            )
        if form.errors:
            return self._page(form, status=409)
        messages.success(self.request, _("Saved. E-mails say this from now on."))
        if self.request.POST["verb"] == "test":
            self._test(kind)
        return self._again()

    def _sent(self, kind: str) -> TextsForm:
        """The form as it was sent, with the portal's own words where these are wanted back."""
        data = self.request.POST.copy()
        form = self._form(kind, texts_of(self.workspace, self.written_in), data)
        if data["verb"] == "default":
            for part, words in form.default.items():
                data[part] = words
        return form

    def _again(self) -> HttpResponse:
        url = reverse("emails", kwargs={"workspace": self.workspace.name})
        return redirect(url if self.written_in == self.workspace.language else f"{url}?in={self.written_in}")

    def _test(self, kind: str) -> None:
        permit(self.request.user, "operate", self.workspace)
        problem = send_test(
            workspace=self.workspace,
            kind=_known(kind),
            actor=self.request.user,
            now=self.now,
            language=self.written_in,
        )
        if problem:
            messages.error(self.request, problem)
        else:
            messages.success(self.request, _("Sent to %(address)s.") % {"address": self.request.user.email})

    def _choose_language(self) -> HttpResponse:
        permit(self.request.user, "administer", self.workspace)
        form = LanguageForm(self.request.POST)
        if not form.is_valid():
            raise Http404
        with workspaces.held(self.workspace):
            given = changes(form, current={"language": self.workspace.language})
            if given:
                language = given["language"]
                workspaces.set_language(
                    workspace=self.workspace, language=language, actor=self.request.user, now=self.now
                )
        if form.errors:
            return self._page(language=form, status=409)
        messages.success(self.request, _("E-mails are sent in this language from now on."))
        return self._again()

    def _download(self, kind: str) -> HttpResponse:
        name = f"{_known(kind)}-{self.written_in}.html"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return HttpResponse(_html(self._sample(kind)), content_type="text/html; charset=utf-8", headers=headers)

    def _alone(self, kind: str) -> HttpResponse:
        """The HTML part by itself, for the frame that shows it as a mail program would."""
        headers = {"Content-Security-Policy": SHOWN_ALONE, "X-Frame-Options": "SAMEORIGIN"}
        return HttpResponse(_html(self._sample(_known(kind))), headers=headers)

    def _shown(self, kind: str, form: TextsForm) -> Shown:
        message = self._sample(kind)
        return Shown(kind, str(TITLES[kind]), str(message.subject), str(message.body), form)

    def _sample(self, kind: str) -> EmailMultiAlternatives:
        return sample(self.workspace, kind, to=MADE_UP, now=self.now, language=self.written_in)


def _html(message: EmailMultiAlternatives) -> str:
    return str(message.alternatives[0][0])


def _known(kind: str) -> str:
    if kind not in KINDS:
        raise Http404
    return kind
