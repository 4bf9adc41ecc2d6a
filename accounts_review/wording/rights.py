"""What the rights of a workspace let people do, in words."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

RIGHTS: dict[str, Promise] = {
    "edit_domain": _("Administer the workspace"),
    "manage_subdomains": _("Manage subdomains"),
    "create_dataset": _("Create datasets"),
    "edit_dataset": _("Edit their own datasets"),
    "publish_dataset": _("Publish their own datasets"),
    "manage_dataset": _("Edit all datasets"),
    "create_page": _("Create pages"),
    "edit_page": _("Edit their own pages"),
    "manage_page": _("Edit all pages"),
    "edit_theme": _("Change the look of the portal"),
    "edit_form": _("Edit forms"),
    "edit_reuse": _("Moderate reuses"),
    "manage_glossary": _("Manage the glossary"),
    "manage_showcase_requests": _("Handle showcase requests"),
    "create_external_asset": _("Create external assets"),
    "edit_external_asset": _("Edit external assets"),
    "explore_restricted_page": _("See restricted pages"),
    "explore_restricted_dataset": _("See restricted datasets"),
    "explore_restricted_external_asset": _("See restricted external assets"),
    "explore_monitoring": _("See usage statistics"),
    "submit_private_form": _("Fill in private forms"),
}
"""By the code of the API; the order is that of harm done where it is lost."""


def named(right: str) -> str:
    """A right in words; one that nobody knows is told by its code."""
    return str(RIGHTS.get(right, right))
