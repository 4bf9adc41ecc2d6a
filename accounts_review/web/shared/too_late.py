"""What a person is told whose act came too late: what they saw is no longer so, and nothing was changed."""

from __future__ import annotations

from django.utils.translation import gettext as _

from accounts_review import audit
from accounts_review.models import Case, Cleanup
from accounts_review.models.cleanup import CASE_LABELS, CLEANUP_LABELS
from accounts_review.rules.lifecycle import IllegalTransition

LABELS = {state.value: label for labels in (CASE_LABELS, CLEANUP_LABELS) for state, label in labels.items()}


def in_words(problem: Exception) -> str:
    """The sentence for what an act raised, in the reader's language."""
    if isinstance(problem, IllegalTransition):
        state = LABELS[problem.origin]
        said = _("%(what)s is now “%(state)s”, so this can no longer be done. Nothing was changed.")
        return said % {"what": _name(problem.subject), "state": state}
    if isinstance(problem, audit.Conflict):
        said = _("%(what)s was changed meanwhile. Nothing was changed by you: look at it again, then decide.")
        return said % {"what": _name(problem.subject)}
    return str(problem)


def _name(subject: object) -> str:
    if isinstance(subject, Cleanup):
        return _("Clean-up %(number)s") % {"number": subject.number}
    return str(subject.account) if isinstance(subject, Case) else str(subject)
