"""The People pages: who may do what, in one workspace or in the portal, and everything that changes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.functional import Promise
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts_review import audit
from accounts_review.models import ROLES, Role
from accounts_review.web.people.forms import EmailForm, InviteForm, RoleForm
from accounts_review.web.people.rows import places_shown_to, row_of
from accounts_review.web.shared import anew, too_late
from accounts_review.web.shared.access import PortalView, WorkspaceView
from accounts_review.workflow.people import emails, people, reach
from accounts_review.workflow.people.changes import Change, PersonRefused
from accounts_review.workflow.people.sessions import is_linked

PAGE = 50
"""So many people a page."""
ACTS: dict[str, Promise] = {
    "role": gettext_lazy("Change the role"),
    "email": gettext_lazy("Change the address"),
    "invite": gettext_lazy("Send another invitation"),
    "sign_out": gettext_lazy("Sign out everywhere"),
    "unlink": gettext_lazy("Unlink from the sign-in provider"),
    "deactivate": gettext_lazy("Deactivate"),
}
"""What is done to a person, as its button says."""

Form = TypeVar("Form", bound=forms.Form)


class People(PortalView):
    """Everybody of whom an administrator may know, and the form that invites somebody."""

    needs = "administer"
    asks_anew: str | Promise = gettext_lazy("Invite someone")
    template_name = "accounts_review/people/page.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return self.answer(InviteForm(user=self.request.user, initial=self.initial))

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        form, at = InviteForm(request.POST, user=self.request.user), now()
        if not form.is_valid():
            return self.answer(form, status=400)
        given = {name: form.cleaned_data[name] for name in ("login", "name", "email", "role")}
        try:
            change = people.add_person(**given, workspace=form.workspace, actor=self.request.user, now=at)
        except PersonRefused as refusal:
            form.add_error(None, str(refusal))
            return self.answer(form, status=400)
        told(request, change, _("%(login)s was added, and gets a link by e-mail.") % {"login": given["login"]})
        return redirect(request.path)

    def answer(self, form: InviteForm, *, status: int = 200) -> HttpResponse:
        """The page with this form."""
        user = self.request.user
        people = self.people().prefetch_related("roles", "socialaccount_set", "authenticator_set")
        page = Paginator(people, PAGE).get_page(self.request.GET.get("page"))
        places = places_shown_to(user)
        rows = [row_of(person, places=places) for person in page]
        context = {
            "rows": [row for row in rows if row.person.is_active],
            "former": [row for row in rows if not row.person.is_active],
            "page": page,
            "pages": page.paginator.get_elided_page_range(page.number),
            "form": form,
            "acts": {Role.Name(name).label: acts for name, acts in ROLES.items()},
        }
        return self.render_to_response(self.get_context_data(**context), status=status)

    @property
    def initial(self) -> dict[str, Any]:
        return {"role": Role.Name.REVIEWER}

    def people(self) -> QuerySet[User]:
        """Whom the page lists."""
        return User.objects.filter(reach.known_to(self.request.user)).distinct().order_by("-is_active", "username")


class PeopleOfWorkspace(WorkspaceView, People):
    """The people of one workspace."""

    needs = "administer"

    @property
    def initial(self) -> dict[str, Any]:
        return super().initial | {"place": self.workspace.name}

    def people(self) -> QuerySet[User]:
        here = Role.objects.filter(Q(workspace=None) | Q(workspace=self.workspace))
        return super().people().filter(Q(pk__in=here.values("person")) | Q(is_superuser=True), is_active=True)


class PersonPage(PortalView):
    """One person: their role in each place, and the acts on the person as a whole."""

    needs = "administer"
    template_name = "accounts_review/people/person.html"

    def harm(self, request: HttpRequest, **kwargs: Any) -> str | Promise:
        return ACTS.get(request.POST.get("act", ""), "") or _("Change what this person may do")

    def whom(self, request: HttpRequest, **kwargs: Any) -> str:
        return self._person(kwargs["pk"]).get_username()

    def get(self, request: HttpRequest, *, pk: int) -> HttpResponse:
        return self._answer(self._person(pk))

    def post(self, request: HttpRequest, *, pk: int) -> HttpResponse:
        person, act = self._person(pk), self._acts.get(request.POST.get("act", ""))
        if act is None:
            raise Http404
        try:
            change, message = act(person)
        except (PersonRefused, forms.ValidationError) as refusal:
            messages.error(request, " ".join(refusal.messages) if hasattr(refusal, "messages") else str(refusal))
            return self._answer(person, status=400, typed=request.POST)
        except audit.Conflict as problem:
            messages.error(request, too_late.in_words(problem))
            return self._answer(person, status=409, typed=request.POST)
        told(request, change, message % {"login": person.get_username()})
        answer: HttpResponse = redirect("person", pk=person.pk)
        return answer if reach.may_change(self.request.user, person) else redirect("people")

    def _person(self, pk: int) -> User:
        return get_object_or_404(User.objects.filter(reach.known_to(self.request.user)).distinct(), pk=pk)

    def _answer(self, person: User, *, status: int = 200, typed: Mapping[str, str] | None = None) -> HttpResponse:
        """The page; after an act that was refused with what was ``typed``, beside what is there now."""
        user = self.request.user
        context = {
            "row": row_of(person, places=places_shown_to(user), every_place=True),
            "person": person,
            "typed": typed or {},
            "choices": RoleForm(user=user).fields["role"].choices,  # type: ignore[attr-defined]
            "may_change": reach.may_change(user, person),
            "is_self": person == user,
            "is_linked": is_linked(person),
            "roles_from": ", ".join(anew.providers_that_give_roles(person)),
        }
        return self.render_to_response(self.get_context_data(**context), status=status)

    @property
    def _acts(self) -> dict[str, Callable[[User], tuple[Change, str]]]:
        return {
            "role": self._role,
            "email": self._email,
            "invite": self._invite,
            "sign_out": self._sign_out,
            "unlink": self._unlink,
            "deactivate": self._deactivate,
        }

    def _role(self, person: User) -> tuple[Change, str]:
        form = _valid(RoleForm(self.request.POST, user=self.request.user))
        place, role = form.cleaned_data["place"], form.cleaned_data["role"]
        with transaction.atomic():
            # Nobody else changes a role between the look and the act.
            audit.wait_for_turn()
            if self.request.POST.get("seen", held := self._held(person, at=place)) != held:
                raise audit.Conflict(person)
            change = people.grant(person=person, role=role, workspace=form.workspace, **self._by)
        return change, _("The role was changed.")

    def _held(self, person: User, *, at: str) -> str:
        """The role that the page shows for a place."""
        shown = row_of(person, places=places_shown_to(self.request.user), every_place=True)
        return next((held.role for held in shown.roles if held.place == at), "")

    def _email(self, person: User) -> tuple[Change, str]:
        email = _valid(EmailForm(self.request.POST)).cleaned_data["email"]
        with transaction.atomic():
            audit.wait_for_turn()
            person.refresh_from_db(fields=["email"])
            if self.request.POST.get("seen", person.email) != person.email:
                raise audit.Conflict(person)
            change = people.change_email(person=person, email=email, **self._by)
        return change, _("The address was changed.")

    def _invite(self, person: User) -> tuple[Change, str]:
        return people.invite_again(person=person, **self._by), _("%(login)s gets another link by e-mail.")

    def _sign_out(self, person: User) -> tuple[Change, str]:
        return people.sign_out(person=person, **self._by), _("%(login)s was signed out everywhere.")

    def _unlink(self, person: User) -> tuple[Change, str]:
        return people.unlink(person=person, **self._by), _("%(login)s was unlinked and signed out.")

    def _deactivate(self, person: User) -> tuple[Change, str]:
        return people.deactivate(person=person, **self._by), _("%(login)s was deactivated.")

    @property
    def _by(self) -> dict[str, Any]:
        return {"actor": self.request.user, "now": now()}


def told(request: HttpRequest, change: Change, message: str) -> None:
    """Have a change told by e-mail, and say on the page what was done and who could not be reached."""
    unreached = emails.tell(change, now=now())
    messages.success(request, message)
    if unreached:
        messages.warning(request, _("No e-mail could be sent to: %(names)s.") % {"names": ", ".join(unreached)})


def _valid(form: Form) -> Form:
    if not form.is_valid():
        raise forms.ValidationError([error for errors in form.errors.values() for error in errors])
    return form
