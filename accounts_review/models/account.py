"""Accounts as they were read, and the groups that give them rights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import reduce
from hashlib import md5
from operator import or_
from typing import TYPE_CHECKING, Any

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Exists, ExpressionWrapper, F, FilteredRelation, Func, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import MD5, Cast, Coalesce, Concat, Extract, Left, Length, Lower, StrIndex, Upper
from django.db.models.lookups import Exact, GreaterThan, IContains
from django.utils.translation import gettext_lazy as _

from accounts_review.models.cleanup import Case
from accounts_review.models.exemption import Exemption
from accounts_review.models.snooze import Snooze
from accounts_review.models.workspace import PolicyVersion, Workspace
from accounts_review.rules.dormancy import Standing, Verdict
from accounts_review.rules.lifecycle import ENDED

if TYPE_CHECKING:
    from accounts_review.models.policy_preview import PolicyPreview

STALE = Q(assessment=None) | ~Q(assessment__basis=F("basis"))
"""Accounts (asked for ``with_basis``) whose assessment does not rest on what is known now."""

NAMELESS = "— "
"""What stands before the address of an account that has no username."""

EXCEPTIONAL = (
    Q(absent_since__isnull=False)
    | Q(gone_at__isnull=False)
    | Q(unconfirmed_activity_at__isnull=False)
    | ~Q(disputed=[])
    | Q(incomplete=True)
    | ~Q(Exact(Length("digest"), 32))
    | Q(username__startswith=NAMELESS)
)
"""What is true of few: a sync of a million finds them by an index of their own, in place of looking at everyone."""
LISTED = Q(absent_since=None, gone_at=None)
PLAIN = Q(incomplete=False, disputed=[], lost_activity_at=None, unconfirmed_activity_at=None)
"""What is true of nearly everyone: the record alone tells what is known."""
SEARCHED: tuple[str, ...] = ("username", "email", "display_name", "first_name", "last_name")
SEARCHED_TEXT = Func(
    *SEARCHED, template="(%(expressions)s)", arg_joiner=" || E'\\n' || ", output_field=models.TextField()
)
"""All that a search looks into, as one text, so that one index of half the size answers. No word holds a line feed."""
BY_USERNAME, BY_EMAIL = Lower(Left("username", 200)), Lower(Left("email", 200))
"""Orders in which capitals do not count; a hostile name can be longer than an index entry may be."""


def before_digest(beside: str) -> str:
    """What stands before the digest in the ``basis`` of whoever is :data:`PLAIN`."""
    return f"{beside}:"


VERDICT_LABELS = {
    Verdict.ACTIVE: _("active"),
    Verdict.DORMANT: _("dormant"),
    Verdict.PROTECTED: _("protected"),
    Verdict.UNCERTAIN: _("uncertain"),
}


class AccountQuerySet(models.QuerySet["Account"]):
    """Accounts, asked for in the words of the design."""

    def listed(self) -> AccountQuerySet:
        """Those the workspace still lists, as far as the last complete sync knows."""
        return self.filter(LISTED)

    def assessed(self) -> AccountQuerySet:
        return self.filter(assessment__isnull=False).select_related("assessment")

    def with_verdict(self, now: datetime) -> AccountQuerySet:
        """Adds ``verdict``, ``exempt_until``, ``case_state`` and ``snoozed_by`` as they are at an instant.

        An exemption in force shows as protected: it is an overlay, the assessment beneath stays.
        """
        exemption = Exemption.objects.in_force(now).filter(account=OuterRef("pk"))
        open_case = Case.objects.exclude(state__in=ENDED).filter(account=OuterRef("pk"))
        snoozed = Snooze.objects.in_force_there()
        columns: dict[str, Any] = {
            "snoozed_by": Subquery(snoozed.values("by_login")[:1]),
            "exempt_until": Subquery(exemption.values("until")[:1]),
            "case_state": Subquery(open_case.values("state")[:1]),
            "verdict": _verdict(now),
        }
        return self.annotate(**columns)

    def with_verdict_under(self, policy_preview: PolicyPreview, now: datetime) -> AccountQuerySet:
        """Those judged under a proposed policy; adds ``verdict_after`` and ``segment_after``, as they would be."""
        how = _under(policy_preview, now)
        columns: dict[str, Any] = {"verdict_after": _verdict(now, **how), "segment_after": F(f"{how['of']}__segment")}
        if policy_preview.moved_limits is not None:
            return self.annotate(**columns)
        ahead: Any = FilteredRelation("previewed", condition=Q(previewed__policy_preview=policy_preview))
        return self.annotate(ahead=ahead).filter(ahead__isnull=False).annotate(**columns)

    def with_basis(self, beside: str) -> AccountQuerySet:
        """Adds ``basis``: what a judgement of the account rests on, beside what is the same for everybody."""
        text: models.Field[Any, Any] = models.TextField()
        dates = (
            Coalesce(Cast(Extract(name, "epoch"), text), Value(""), output_field=text)
            for name in ("lost_activity_at", "unconfirmed_activity_at")
        )
        parts = ("digest", Cast("incomplete", text), MD5(Cast("disputed", text)), *dates)
        joined = (piece for part in parts for piece in (Value(":"), part))
        # Of nearly everyone it is the digest alone that tells: found so, it takes a third of the time.
        short = Concat(Value(before_digest(beside)), "digest", output_field=text)
        whole = Concat(Value(beside), *joined, output_field=text)
        columns: dict[str, Any] = {"basis": models.Case(When(PLAIN, then=short), default=whole, output_field=text)}
        return self.annotate(**columns)

    def with_basis_under(self, version: PolicyVersion) -> AccountQuerySet:
        """``with_basis`` for the judgements of a version, with the rights as the workspace has them now.

        Until everybody was judged by it, what another version says rests on nothing.
        """
        accounts = self.with_basis(version.workspace.rights_digest)
        if version.is_judged:
            return accounts
        own = When(assessment__policy=version, then=F("basis"))
        columns: dict[str, Any] = {"basis": models.Case(own, default=Value(""), output_field=models.TextField())}
        return accounts.annotate(**columns)

    def reviewable(self) -> AccountQuerySet:
        """Those that are listed and assessed, with their assessments, by way of the review page's indexes."""
        return self.listed().assessed().filter(assessment__is_listed=True)

    def named(self, usernames: Iterable[str]) -> AccountQuerySet:
        """Those who have one of some usernames, by what an index holds: a hostile name is longer than it can hold."""
        names = set(usernames)
        digests = [md5(name.encode(), usedforsecurity=False).hexdigest() for name in names]
        return self.alias(name_digest=MD5("username")).filter(name_digest__in=digests, username__in=names)

    def whose_verdict(self, *verdicts: str, now: datetime) -> AccountQuerySet:
        """Those who have one of the verdicts at an instant, as conditions that an index can answer."""
        return self.filter(reduce(or_, (_is(verdict, now) for verdict in verdicts)))

    def whose_verdict_under(self, policy_preview: PolicyPreview, verdict: str, *, now: datetime) -> AccountQuerySet:
        """Of accounts ``with_verdict_under`` a preview, those who would have a verdict, as :meth:`whose_verdict`."""
        return self.filter(_is(verdict, now, **_under(policy_preview, now)))

    def verdicts(self) -> dict[int, str]:
        """Each account's key and its verdict."""
        return dict(self.values_list(*("pk", "verdict")))

    def search(self, term: str, *, is_walked: bool = False) -> AccountQuerySet:
        """Those whose username, address or name holds every word of the term, be it one here and one there.

        ``is_walked`` where so many do that whoever reads accounts in some order soon meets enough of them: then the
        index of what is searched for, which finds all of them, is kept out of it.
        """
        if not (words := term.split()):
            # What stands between the columns is blank, too.
            return self.filter(reduce(or_, (Q((f"{name}__icontains", term)) for name in SEARCHED)))
        if is_walked:
            # Of what has no index the database expects one in three, and not one in 3,000 as of a pattern.
            return self.filter(*(GreaterThan(StrIndex(Upper(SEARCHED_TEXT), Upper(Value(word))), 0) for word in words))
        return self.filter(*(IContains(SEARCHED_TEXT, word) for word in words))


def active_under(limits: Mapping[str, int], now: datetime, *, of: str = "") -> Q:
    """Which judgements say active, if segments waited as long as ``limits`` has it, and all others as they do.

    ``of`` leads to the judgement, as ``assessment__`` does from an account.
    """
    since = F(f"{of}dormant_from") - F(f"{of}limit_days") * Value(timedelta(days=1))
    idle_since = ExpressionWrapper(since, models.DateTimeField())
    is_active = ~Q((f"{of}segment__in", [*limits])) & Q((f"{of}dormant_from__gt", now))
    for segment, days in limits.items():
        is_active |= Q(GreaterThan(idle_since, now - timedelta(days=days)), (f"{of}segment", segment))
    return is_active


def _under(policy_preview: PolicyPreview, now: datetime) -> dict[str, Any]:
    """Which judgement of an account ``with_verdict_under`` a preview tells what it would be, and who is not idle."""
    if (limits := policy_preview.moved_limits) is not None:
        return {"of": "assessment", "is_active": active_under(limits, now, of="assessment__")}
    return {"of": "ahead"}


def _verdict(now: datetime, *, of: str = "assessment", is_active: Q | None = None) -> models.Case:
    """The verdict of the judgement an account is joined with; see :func:`accounts_review.rules.dormancy.verdict_at`.

    ``is_active`` tries another condition for who is not idle yet than ``dormant_from``.
    """
    exemption = Exemption.objects.in_force(now).filter(account=OuterRef("pk"))
    return models.Case(
        When(is_active or Q(**{f"{of}__dormant_from__gt": now}), then=Value(Verdict.ACTIVE.value)),
        When(Exists(exemption), then=Value(Verdict.PROTECTED.value)),
        When(**{f"{of}__standing": Standing.ORDINARY}, then=Value(Verdict.DORMANT.value)),
        default=F(f"{of}__standing"),
        output_field=models.CharField(),
    )


def is_dormant(now: datetime, *, of: str = "") -> Q:
    """Whether an account is dormant; of a row that refers to accounts, by a field such as ``account__``."""
    is_past, is_exempt = Q(**{f"{of}assessment__dormant_from__lte": now}), _has_exemption(now, of=of)
    return is_past & ~is_exempt & Q(**{f"{of}assessment__standing": Standing.ORDINARY})


def is_spared_under(policy_preview: PolicyPreview, now: datetime) -> Q:
    """Whether an account ``with_verdict_under`` a preview is dormant and would no longer be."""
    how = _under(policy_preview, now)
    others = [standing.value for standing in Standing if standing != Standing.ORDINARY]
    # Who is dormant is not exempt. What is cheap to look at comes first.
    return (_is(Verdict.ACTIVE, now, **how) | Q(**{f"{how['of']}__standing__in": others})) & is_dormant(now)


def _is(verdict: str, now: datetime, *, of: str = "assessment", is_active: Q | None = None) -> Q:
    """Whether an account, joined with a judgement, has a verdict; as :func:`_verdict` reads it."""
    is_past = Q(**{f"{of}__dormant_from__lte": now}) if is_active is None else ~is_active
    if verdict == Verdict.ACTIVE:
        return is_active or Q(**{f"{of}__dormant_from__gt": now})
    if verdict == Verdict.PROTECTED:
        return is_past & (Q(**{f"{of}__standing": Standing.PROTECTED}) | Q(_is_among_exempt(now)))
    standing = Standing.ORDINARY.value if verdict == Verdict.DORMANT else verdict
    return is_past & ~_has_exemption(now) & Q(**{f"{of}__standing": standing})


def _has_exemption(now: datetime, *, of: str = "") -> Q:
    return Q(Exists(Exemption.objects.in_force(now).filter(account=OuterRef(f"{of}pk"))))


def _is_among_exempt(now: datetime) -> models.Func:
    """That the account of an assessment is exempt, so that the database finds both kinds of protected by an index."""
    assessment: Any = Account._meta.get_field("assessment").related_model
    key = assessment._meta.get_field("account").get_col(assessment._meta.db_table)
    exempt = ArraySubquery(Exemption.objects.in_force(now).order_by().values("account"))
    return models.Func(
        key, exempt, template="%(expressions)s)", arg_joiner=" = ANY(", output_field=models.BooleanField()
    )


class Account(models.Model):
    """One incarnation of an account: workspace, username and the date it joined, with the record as it was read.

    Absence from a list proves nothing: ``absent_since`` only says that the last complete sync did not
    list it; ``gone_at`` says that the API itself answered that it does not exist, or that we removed it.
    """

    # Checked one by one by the database, as foreign keys are, this one took a third of storing a million accounts.
    workspace = models.ForeignKey(
        Workspace, models.PROTECT, related_name="accounts", db_constraint=False, db_index=False
    )
    username = models.TextField(_("username"))
    incarnation = models.TextField(_("joined (as received)"), editable=False)
    email = models.TextField(_("e-mail"), blank=True)
    display_name = models.TextField(_("display name"), blank=True)
    first_name = models.TextField(_("first name"), blank=True)
    last_name = models.TextField(_("last name"), blank=True)
    account_type = models.TextField(_("type"), blank=True)
    groups = ArrayField(models.TextField(), verbose_name=_("groups"), default=list)
    raw = models.TextField(_("raw record"))
    digest = models.CharField(max_length=64)
    read_at = models.DateTimeField(_("read"), help_text=_("When this content was first read."))
    incomplete = models.BooleanField(default=False, help_text=_("Never read by a sync that was accepted."))
    disputed = ArrayField(
        models.TextField(),
        verbose_name=_("disputed rights"),
        default=list,
        help_text=_("Protected rights of which the API's own list and ours disagree."),
    )
    accepted_activity_at = models.DateTimeField(
        null=True, help_text=_("Activity as of the last accepted sync; the breaker compares with it.")
    )
    lost_activity_at = models.DateTimeField(
        null=True, help_text=_("Activity accepted before, where the dates went back and nobody has accepted that.")
    )
    unconfirmed_activity_at = models.DateTimeField(
        null=True, help_text=_("Later activity that only a sync showed which was not accepted.")
    )
    absent_since = models.DateTimeField(_("not listed since"), null=True)
    gone_at = models.DateTimeField(_("gone since"), null=True)
    erased_at = models.DateTimeField(_("erased"), null=True, help_text=_("When what tells of the person was erased."))

    verdict: str
    """Where asked for ``with_verdict``, as are the next three."""
    exempt_until: datetime | None
    case_state: str | None
    snoozed_by: str | None
    verdict_after: str
    """Where asked for ``with_verdict_under``, as is the next."""
    segment_after: str
    basis: str
    """Where asked for ``with_basis``."""

    objects = AccountQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [
            # Digests, because a hostile username can be longer than an index entry may be.
            models.UniqueConstraint(F("workspace"), MD5("username"), MD5("incarnation"), name="incarnation_once")
        ]
        indexes = [
            GinIndex(
                OpClass(Upper(SEARCHED_TEXT), name="gin_trgm_ops"),
                name="account_search",
            ),
            models.Index(fields=("workspace",), name="account_exceptions", condition=EXCEPTIONAL),
            # What the review page relies on in the order of names and of addresses.
            models.Index("workspace", BY_USERNAME, "id", condition=LISTED, name="account_by_username"),
            models.Index("workspace", BY_EMAIL, "id", condition=LISTED, name="account_by_email"),
            GinIndex(fields=("groups",), condition=LISTED, name="account_by_group"),
            models.Index(
                fields=("workspace",), condition=Q(lost_activity_at__isnull=False), name="account_lost_activity"
            ),
        ]

    def __str__(self) -> str:
        return self.username

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.display_name


class Group(models.Model):
    """A group of the workspace and the rights it gives; ``permissions`` is null where its list was unusable."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="groups")
    uid = models.TextField(_("identifier"))
    title = models.TextField(_("title"), blank=True)
    permissions = ArrayField(models.TextField(), verbose_name=_("rights"), null=True)
    created_by = models.TextField(_("created by"), blank=True)

    class Meta:
        ordering = ("uid",)
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=("workspace", "uid"), name="group_uid_once")]

    def __str__(self) -> str:
        return self.title or self.uid
