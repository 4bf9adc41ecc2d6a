"""An account's card, which opens beside the list."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts_review.web.account.views import AccountPage


class AccountCard(AccountPage):
    """What it takes to decide on one account: the reasoning, its rights, what was decided before, and the buttons."""

    template_name = "accounts_review/account/_card.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not self.is_partial:
            return redirect("account", workspace=self.workspace.name, pk=kwargs["pk"])
        return super().get(request, *args, **kwargs)
