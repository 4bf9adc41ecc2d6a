"""The answer page: the person whose access is at stake says what is to become of it, without signing in.

Opening it changes nothing, because mail scanners open links; a button does. The token in the address is the only key,
so a page without a valid one tells nothing.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.utils.timezone import now
from django.utils.translation import get_language, gettext_lazy, override
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from accounts_review import audit
from accounts_review.huwise.records import storable
from accounts_review.models import Case
from accounts_review.web.public.status import status_of
from accounts_review.web.shared.widgets import DayInput
from accounts_review.wording import instants
from accounts_review.workflow import answer
from accounts_review.workflow.answer import LONGEST_AGENT, LONGEST_TEXT, AnswerKind, NotNow, Said, Settled

LONGEST_ABSENCE = timedelta(days=365)


class AnswerForm(forms.Form):
    """One of the three answers, with what belongs to it."""

    kind = forms.ChoiceField(choices=[(kind.value, "") for kind in AnswerKind])
    text = forms.CharField(
        label=gettext_lazy("Why you need it (optional)"),
        max_length=LONGEST_TEXT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "class": "form-control"}),
    )
    until = forms.DateField(
        label=gettext_lazy("I am away until"),
        required=False,
        widget=DayInput({"class": "form-control"}),
    )
    sure = forms.BooleanField(
        label=gettext_lazy("Yes, remove my access now"),
        required=False,
        widget=forms.CheckboxInput({"class": "form-check-input"}),
    )

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.earliest, self.latest = today + timedelta(days=1), today + LONGEST_ABSENCE
        self.fields["until"].widget.attrs |= {"min": self.earliest.isoformat(), "max": self.latest.isoformat()}

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        kind, until = given.get("kind"), given.get("until")
        if (
            kind == AnswerKind.AWAY
            and "until" not in self.errors
            and not (until and self.earliest <= until <= self.latest)
        ):
            self.add_error("until", _("Choose a date from tomorrow to one year ahead."))
        if kind == AnswerKind.LEAVE and not given.get("sure"):
            self.add_error("sure", _("Tick the box to confirm; this cannot be undone."))
        return given

    def focus_on_fault(self) -> None:
        """Have the browser go to the field at fault, which may be far down the page, without a script."""
        for name in self.fields.keys() & self.errors.keys():
            self.fields[name].widget.attrs["autofocus"] = True

    def said(self, *, agent: str) -> Said:
        """The answer: only what belongs to its kind, and the program that gave it."""
        kind = AnswerKind(self.cleaned_data["kind"])
        text = self.cleaned_data["text"] if kind is AnswerKind.KEEP else ""
        return Said(kind=kind, text=text, until=self._until if kind is AnswerKind.AWAY else None, agent=agent)

    @property
    def _until(self) -> datetime:
        return instants.start_of(self.cleaned_data["until"])


# The token in the address is the only key, and no cookie adds to it: who has none can answer, too.
@method_decorator([csrf_exempt, login_not_required], name="dispatch")
class AnswerPage(View):
    """The status page of somebody who was warned: how things stand, and the answers that count now.

    In the language of the e-mail. Any link of ours is answered, however long ago the matter was settled.
    """

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        case = answer.case_of(token)
        if case is None:
            return _unknown(request)
        with override(_language(request, case)):
            return _page(request, case, form=AnswerForm(today=_today()))

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        case = answer.case_of(token)
        if case is None:
            return _unknown(request)
        with override(_language(request, case)):
            return _take(request, case)


def _today() -> date:
    return instants.portal_day(now())


def _take(request: HttpRequest, case: Case) -> HttpResponse:
    form, at = AnswerForm(request.POST, today=_today()), now()
    try:
        if form.is_valid():
            said = form.said(agent=storable(request.headers.get("User-Agent", ""))[:LONGEST_AGENT])
            answer.answer(case=case, said=said, now=at)
            return _page(request, _again(case), form=AnswerForm(today=_today()), news="taken")
    except (Settled, audit.Conflict):
        return _page(request, _again(case), form=AnswerForm(today=_today()), news="too_late")
    except NotNow as problem:
        form.add_error(None, ValidationError(str(problem)))
    form.focus_on_fault()
    answer.log_refusal(case=case, why=", ".join(sorted(form.errors)), now=at)
    # Answered with 200, as forms are: whatever is logged of a refusal would name the address.
    return _page(request, case, form=form)


def _again(case: Case) -> Case:
    """The case as it is now."""
    return Case.objects.select_related("account", "cleanup__workspace").get(pk=case.pk)


def _unknown(request: HttpRequest) -> HttpResponse:
    """No link of ours: nothing else is told."""
    return _render(request, {"contact": settings.EMAIL_CONTACT}, status=404)


def _page(request: HttpRequest, case: Case, *, form: AnswerForm, news: str = "") -> HttpResponse:
    workspace = case.cleanup.workspace
    return _render(
        request,
        {
            "case": case,
            "status": status_of(case, now=now()),
            "form": form,
            "news": news,
            "host": workspace.shown_name,
            "contact": workspace.contact or settings.EMAIL_CONTACT,
        },
    )


def _render(request: HttpRequest, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    response = render(request, "accounts_review/public/answer.html", context, status=status)
    response["Content-Language"] = get_language() or settings.LANGUAGE_CODE
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _language(request: HttpRequest, case: Case) -> str:
    """The workspace's language, until the person has chosen another by the link, which needs no cookie."""
    chosen = request.GET.get("language")
    return str(chosen if chosen in dict(settings.LANGUAGES) else case.cleanup.workspace.language)
