"""How the list looks: rows a page, density and columns, as a person left it or as a saved view has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts_review.models import SavedView
from accounts_review.web.shared.access import WorkspaceView
from accounts_review.web.shared.navigation import page_of_ours

PAGE_SIZES = (25, 50, 100, 200)
USUAL_SIZE = 50
COLUMNS: dict[str, Promise] = {
    "email": _("E-mail"),
    "activity": _("Idle for"),
    "dormant_from": _("Dormant from"),
    "segment": _("Segment"),
    "rights": _("Rights and groups"),
    "state": _("State"),
}
"""What can be shown beside the name, in the order of the table."""
USUAL_COLUMNS = ("activity", "segment", "rights", "state")
DENSITIES = (("compact", _("One line a person")), ("comfortable", _("Two lines a person")))
SORTS = (
    ("dormant_from", _("longest past the limit")),
    ("-dormant_from", _("latest past the limit")),
    ("activity", _("longest idle")),
    ("-activity", _("most recently active")),
    ("username", _("username")),
    ("-username", _("username, Z to A")),
    ("email", _("e-mail")),
    ("-email", _("e-mail, Z to A")),
    ("segment", _("segment")),
    ("-segment", _("segment, Z to A")),
)
NAMES = ("per_page", "density", "columns")
NO_COLUMN = "name"
AS_LEFT = ""
"""The name of the view in which a person's own look is kept; no view that they name can have it."""


@dataclass(frozen=True, slots=True)
class ListLook:
    """How many rows a page has, how high they are, and what they show."""

    per_page: int = USUAL_SIZE
    density: str = DENSITIES[0][0]
    columns: tuple[str, ...] = USUAL_COLUMNS

    # What there is to choose from, for templates.
    all_columns: ClassVar = COLUMNS
    densities: ClassVar = DENSITIES
    sizes: ClassVar = PAGE_SIZES
    sorts: ClassVar = SORTS

    @classmethod
    def asked(cls, query: QueryDict, instead: ListLook) -> ListLook:
        """What an address asks for; another look where it does not say, or says what there is not."""
        size, density, columns = (query.get(name, "") for name in NAMES)
        return cls(
            int(size) if size in map(str, PAGE_SIZES) else instead.per_page,
            density if density in dict(DENSITIES) else instead.density,
            _in_order(columns.split(".")) if columns else instead.columns,
        )

    @property
    def query(self) -> str:
        """The look as the part of an address after the question mark."""
        return f"per_page={self.per_page}&density={self.density}&columns={'.'.join(self.columns) or NO_COLUMN}"

    @property
    def is_wide(self) -> bool:
        return len(self.columns) > len(USUAL_COLUMNS)

    @property
    def is_comfortable(self) -> bool:
        return self.density == DENSITIES[1][0]


def carried(query: QueryDict) -> str:
    """What an address says of the look, to go on with: ``""``, or beginning with an ampersand."""
    said = QueryDict(mutable=True)
    said.update({name: str(query[name]) for name in NAMES if query.get(name)})
    return f"&{said.urlencode()}" if said else ""


def without_look(query: str, *more: str) -> str:
    """An address without its look, and without some names more."""
    found = QueryDict(query, mutable=True)
    for name in (*NAMES, *more):
        found.pop(name, None)
    return str(found.urlencode())


class LookForm(forms.Form):
    """What a person chooses; the list that it was chosen on is shown again."""

    per_page = forms.TypedChoiceField(choices=[(size, size) for size in PAGE_SIZES], coerce=int)
    density = forms.ChoiceField(choices=DENSITIES, widget=forms.RadioSelect)
    columns = forms.MultipleChoiceField(choices=list(COLUMNS.items()), required=False)

    @property
    def look(self) -> ListLook:
        given: dict[str, Any] = self.cleaned_data
        return ListLook(given["per_page"], given["density"], _in_order(given["columns"]))


class SetLook(WorkspaceView):
    """Keep how a person wants the list; what is not among the choices changes nothing."""

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        form, back = LookForm(request.POST), page_of_ours(request.POST.get("next", ""))
        if form.is_valid():
            SavedView.objects.update_or_create(
                workspace=self.workspace,
                owner=self.request.user,
                name=AS_LEFT,
                is_shared=False,
                defaults={"query": form.look.query},
            )
        if not back:
            return redirect("review", workspace=self.workspace.name)
        path, _mark, query = back.partition("?")
        # On another number of rows, a page is another one.
        return redirect(f"{path}?{rest}" if (rest := without_look(query, "page", "after", "before", "start")) else path)


def _in_order(names: list[str]) -> tuple[str, ...]:
    return tuple(name for name in COLUMNS if name in names)
