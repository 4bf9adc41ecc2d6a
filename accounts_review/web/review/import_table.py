"""The rows of a decision file, and what each would do."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.utils.translation import gettext_lazy as _

from accounts_review.models import Workspace
from accounts_review.web.shared.tables import CellColumn, PortalTable

OUTCOMES = {
    "approve": _("to approve"),
    "exempt": _("to exempt"),
    "withdraw": _("to withdraw"),
    "nothing": _("nothing to do"),
    "refused": _("cannot be applied"),
}
"""A word for what becomes of a row."""


class RowTable(PortalTable):
    """Rows of a plan, numbered as the spreadsheet shows them."""

    htmx_target = "#rows"

    number = tables.Column(verbose_name=_("Row"), attrs={"cell": {"class": "numeric"}})
    username = CellColumn("review/row_account", _("Account"), attrs={"cell": {"class": "who"}})
    outcome = CellColumn("review/row_outcome", _("Effect"), extra_context=lambda value: {"word": OUTCOMES[value]})
    detail = CellColumn("review/row_detail", _("Why"), accessor="reason", empty_values=())

    class Meta(PortalTable.Meta):
        orderable = False

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.workspace = workspace
