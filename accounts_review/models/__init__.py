"""What the portal remembers."""

from accounts_review.models.account import Account, Assessment, Group
from accounts_review.models.audit_entry import AuditEntry
from accounts_review.models.cleanup import Case, Cleanup
from accounts_review.models.decision_file import DecisionFile
from accounts_review.models.examination import Examination
from accounts_review.models.exemption import Exemption
from accounts_review.models.extraction import Extraction
from accounts_review.models.postponement import Postponement
from accounts_review.models.proposal import Proposal, ProposedAssessment
from accounts_review.models.returned import Return
from accounts_review.models.role import ROLES, ensure_roles, may, permit
from accounts_review.models.run import Run
from accounts_review.models.saved_view import SavedView
from accounts_review.models.workspace import PolicyVersion, Workspace

__all__ = [
    "ROLES",
    "Account",
    "Assessment",
    "AuditEntry",
    "Case",
    "Cleanup",
    "DecisionFile",
    "Examination",
    "Exemption",
    "Extraction",
    "Group",
    "PolicyVersion",
    "Postponement",
    "Proposal",
    "ProposedAssessment",
    "Return",
    "Run",
    "SavedView",
    "Workspace",
    "ensure_roles",
    "may",
    "permit",
]
