"""What the portal remembers."""

from accounts_review.models.account import Account, Group
from accounts_review.models.activity_gap import ActivityGap
from accounts_review.models.assessment import Assessment
from accounts_review.models.audit_delivery import AuditDelivery
from accounts_review.models.audit_entry import AuditEntry
from accounts_review.models.audit_key import AuditKey
from accounts_review.models.bulk_decision import BulkDecision
from accounts_review.models.cleanup import Case, Cleanup
from accounts_review.models.connection_check import ConnectionCheck
from accounts_review.models.decision_file import DecisionFile
from accounts_review.models.dormancy_count import DormancyCount
from accounts_review.models.email_text import EmailText
from accounts_review.models.exemption import Exemption
from accounts_review.models.held_sync import HeldRecord, HeldSync
from accounts_review.models.hold import Hold
from accounts_review.models.personal_data import PersonalData
from accounts_review.models.policy_preview import PolicyPreview, PreviewedAssessment
from accounts_review.models.role import (
    ROLES,
    Role,
    may,
    may_somewhere,
    people_who_may,
    permit,
    permit_somewhere,
    remember_roles,
    workspaces_of,
)
from accounts_review.models.run import Run
from accounts_review.models.saved_view import SavedView
from accounts_review.models.snooze import Snooze
from accounts_review.models.stored_key import Access, StoredKey
from accounts_review.models.sync import Sync, SyncedPage
from accounts_review.models.workspace import PolicyVersion, Workspace

__all__ = [
    "ROLES",
    "Access",
    "Account",
    "ActivityGap",
    "Assessment",
    "AuditDelivery",
    "AuditEntry",
    "AuditKey",
    "BulkDecision",
    "Case",
    "Cleanup",
    "ConnectionCheck",
    "DecisionFile",
    "DormancyCount",
    "EmailText",
    "Exemption",
    "Group",
    "HeldRecord",
    "HeldSync",
    "Hold",
    "PersonalData",
    "PolicyPreview",
    "PolicyVersion",
    "PreviewedAssessment",
    "Role",
    "Run",
    "SavedView",
    "Snooze",
    "StoredKey",
    "Sync",
    "SyncedPage",
    "Workspace",
    "may",
    "may_somewhere",
    "people_who_may",
    "permit",
    "permit_somewhere",
    "remember_roles",
    "workspaces_of",
]
