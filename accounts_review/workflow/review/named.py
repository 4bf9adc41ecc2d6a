"""Whom people mean by a name: the account of that username, or else those of that e-mail address."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from django.db.models.functions import Lower

from accounts_review.huwise.records import storable
from accounts_review.models import Account
from accounts_review.models.account import AccountQuerySet
from accounts_review.rules.names import folded


def accounts_meant(accounts: AccountQuerySet, names: Iterable[str]) -> dict[str, list[Account]]:
    """Of a query of accounts, those that each name means; a username wins over an address.

    Usernames are taken exactly, addresses without regard to capitals: two accounts may share one.
    """
    # What no database can hold, such as bytes that are not UTF-8, is nobody's name.
    possible = {name for name in names if storable(name) == name}
    meant = defaultdict[str, list[Account]](list)
    for account in accounts.named(possible):
        meant[account.username].append(account)
    addresses = defaultdict[str, list[str]](list)
    for name in possible - meant.keys():
        if "@" in name:
            addresses[folded(name)].append(name)
    if addresses:
        spelled = {name.strip().lower() for spellings in addresses.values() for name in spellings}
        for account in accounts.alias(address=Lower("email")).filter(address__in={*spelled, *addresses}):
            for name in addresses.get(folded(account.email), ()):
                meant[name].append(account)
    return dict(meant)
