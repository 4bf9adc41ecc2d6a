"""What a workspace's groups are called."""

from __future__ import annotations

from accounts_review.models import Group, Workspace
from accounts_review.models.prepared import Prepared


def titles_of(workspace: Workspace) -> dict[str, str]:
    """The title of each group by its identifier, which stands for a title that is empty."""
    return {uid: title or uid for uid, title in _TITLES.rows(workspace=workspace.pk)}


_TITLES = Prepared(
    lambda workspace: Group.objects.filter(workspace=workspace).values_list("uid", "title"), workspace=int
)
