"""Refusals: of a decision on several accounts, those on whom it cannot be taken, each with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from accounts_review.models import Account
from accounts_review.wording.labels import labelled


@dataclass(frozen=True, slots=True)
class AccountRefusal:
    """An account that a decision cannot be taken on, and why."""

    username: str
    why: str

    def __str__(self) -> str:
        return labelled(self.username, self.why)


Apart = dict[int, AccountRefusal]
"""By the keys of their accounts."""


class DecisionRefused(ValueError):
    """A decision that was taken on none of the accounts, because it cannot be taken on some of them."""

    def __init__(self, refusals: Iterable[AccountRefusal]) -> None:
        self.refusals = list(refusals)
        super().__init__("\n".join(str(refusal) for refusal in self.refusals))


def sift(accounts: Iterable[Account], objection: Callable[[Account], str], apart: Apart | None) -> list[Account]:
    """Those to whom nothing is objected; the others are set apart, or raise :class:`DecisionRefused`."""
    free, refused = list[Account](), Apart()
    for account in accounts:
        if why := objection(account):
            refused[account.pk] = AccountRefusal(account.username, why)
        else:
            free.append(account)
    if refused and apart is None:
        raise DecisionRefused(refused.values())
    if apart is not None:
        apart.update(refused)
    return free
