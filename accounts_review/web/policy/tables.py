"""The tables of the policy's pages: whom a preview would move, and who has been back."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import django_tables2 as tables
from django.utils.translation import gettext_lazy as _

from accounts_review.models import Account
from accounts_review.models.account import BY_USERNAME, AccountQuerySet
from accounts_review.web.policy.rows import AccountWriter
from accounts_review.web.shared.tables import WrittenTable, celled


class PreviewAccountsTable(WrittenTable):
    """Accounts asked for ``with_verdict_under`` a preview: what they are, and what they would be."""

    username = tables.Column(_("Account"), attrs=celled("cell-account"))
    verdict = tables.Column(_("Verdict"), orderable=False, attrs=celled("cell-verdict_move"))
    segment = tables.Column(_("Segment"), accessor="pk", orderable=False, attrs=celled("cell-segment_move"))
    activity = tables.Column(_("Idle"), accessor="pk", orderable=False, attrs=celled("cell-idle"))
    case_state = tables.Column(_("Clean-up"), orderable=False, attrs=celled("cell-case_word"))

    class Meta(WrittenTable.Meta):
        model = Account
        fields = ()
        sequence = ("username", "verdict", "segment", "activity", "case_state")

    @property
    def cells(self) -> Mapping[str, Callable[[Account], str]]:
        writer = AccountWriter(now=self.now, workspace=self.workspace)
        return {
            "username": writer.account,
            "verdict": writer.verdict_move,
            "segment": writer.segment_move,
            "activity": writer.idle,
            "case_state": writer.case,
        }

    def order_username(self, accounts: AccountQuerySet, is_descending: bool) -> tuple[AccountQuerySet, bool]:  # noqa: FBT001
        """By an index, as the review list orders names; that it did."""
        return accounts.order_by(BY_USERNAME.desc() if is_descending else BY_USERNAME, "pk"), True


class ReturnTable(WrittenTable):
    """Accounts of a back-test that were seen again, with the silence that ended."""

    username = tables.Column(_("Account"), attrs=celled("cell-account"))
    segment = tables.Column(accessor="assessment__segment", verbose_name=_("Segment"), orderable=False)
    silent_since = tables.Column(verbose_name=_("Idle since"))
    seen_at = tables.Column(verbose_name=_("Seen again"))

    class Meta(WrittenTable.Meta):
        model = Account
        fields = ()
        sequence = ("username", "segment", "silent_since", "seen_at")

    @property
    def cells(self) -> Mapping[str, Callable[[Account], str]]:
        writer = AccountWriter(now=self.now, workspace=self.workspace)
        return {
            "username": writer.account,
            "segment": writer.segment,
            "silent_since": lambda account: writer.day(account.silent_since),
            "seen_at": lambda account: writer.day(account.seen_at),
        }
