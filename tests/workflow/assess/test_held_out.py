"""Kinds of account that the archetypes do not have, by way of a workspace, a sync and the export.

Each deserves its verdict by `domain.md` (the facts about the vendor) and the laws of safety, under the default policy.
"""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest

from accounts_review.facts import facts_of
from accounts_review.huwise import decode_user
from accounts_review.models import Account
from accounts_review.rules.dormancy import judge, verdict_at
from accounts_review.rules.explanation import explain
from accounts_review.rules.policy import DEFAULT_TEXT
from accounts_review.spreadsheet import written
from accounts_review.spreadsheet.rows import accounts_sheet
from accounts_review.spreadsheet.writing import inert
from accounts_review.workflow.review import decide
from huwise_sandbox import records
from huwise_sandbox.records import Record
from tests.stage import NOW, SetStage, Stage, days_ago, someone

LISTED = [
    records.group("readers", "Readers", ["explore_restricted_dataset"]),
    records.group("equipe-portail", "Équipe portail", ["edit_domain"]),
    records.group("producteurs", "Producteurs", ["publish_dataset", "edit_dataset"]),
    records.group("glossaire", "Glossaire", ["manage_glossary"]),
    records.group("pilotes", "Pilotes", ["fly"]),
    records.group("Admins", "Anciens", ["explore_restricted_page"]),
    records.group("admin", "Un autre", ["explore_restricted_page"]),
    records.group("data-stewards", "Renamed since", []),
    records.group("opaque", "Opaque", []) | {"permissions": None},
    records.group("broken", "Broken", []) | {"permissions": "edit_domain"},
]

OLD = "2023-01-01T08:00:00+00:00"
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    # Dates (domain.md 6.6 to 6.9)
    "plain": ("dormant", {}),
    "space for T": ("dormant", {"last_seen_at": "2023-01-01 08:00:00+00:00"}),
    "zulu": ("dormant", {"last_seen_at": "2023-01-01T08:00:00Z"}),
    "no seconds": ("dormant", {"last_seen_at": "2023-01-01T08:00Z"}),
    "one decimal and an offset": ("dormant", {"last_seen_at": "2023-01-01T10:00:00.1+02:00"}),
    "spaces around": ("dormant", {"last_seen_at": f" {OLD}\n"}),
    "no offset": ("uncertain", {"last_seen_at": "2023-01-01T08:00:00"}),
    "a day only": ("uncertain", {"last_seen_at": "2023-01-01"}),
    "written by hand": ("uncertain", {"last_seen_at": "01/01/2023"}),
    "seconds since 1970": ("uncertain", {"last_seen_at": 1672560000}),
    "the same as text": ("uncertain", {"last_seen_at": "1672560000"}),
    "year one": ("uncertain", {"last_seen_at": "0001-01-01T00:00:00+00:00"}),
    "the year before computers": ("uncertain", {"last_login_at": "1970-01-01T00:00:00Z"}),
    "in 2099": ("uncertain", {"last_seen_at": "2099-01-01T00:00:00Z"}),
    "no such day": ("uncertain", {"last_seen_at": "2023-02-29T08:00:00Z"}),
    "no such second": ("uncertain", {"last_seen_at": "2023-01-01T08:00:61Z"}),
    "wide digits": ("uncertain", {"last_seen_at": "２０２３-01-01T08:00:00Z"}),
    "a minus that is none": ("uncertain", {"last_seen_at": "2023‑01‑01T08:00:00Z"}),
    "a list": ("uncertain", {"last_seen_at": [OLD]}),
    "an object": ("uncertain", {"last_login_at": {"date": OLD}}),
    "yes": ("uncertain", {"last_seen_at": True}),
    "null as text": ("uncertain", {"last_seen_at": "null"}),
    "never as text": ("uncertain", {"last_login_at": "never"}),
    "a blank": ("uncertain", {"last_login_at": " "}),
    "old login, seen this week": ("active", {"last_login_at": OLD, "last_seen_at": days_ago(3)}),
    "login this week, never seen": ("active", {"last_login_at": days_ago(3), "last_seen_at": None}),
    "rubbish beside recent use": ("active", {"last_login_at": "soon", "last_seen_at": days_ago(3)}),
    "an old global account that joined this week": ("active", {"joined_at": days_ago(3), "last_login_at": OLD}),
    "joined this week, rubbish for the rest": ("active", {"joined_at": days_ago(3), "last_seen_at": "soon"}),
    "empty dates": ("dormant", {"last_seen_at": "", "last_login_at": ""}),
    "never used, 89 days": ("active", {"joined_at": days_ago(89), "last_seen_at": None}),
    "never used, 90 days to the second": ("dormant", {"joined_at": days_ago(90), "last_seen_at": None}),
    "perhaps used, 100 days": ("active", {"joined_at": days_ago(100), "last_seen_at": "?"}),
    "no joining date": ("uncertain", {"joined_at": None}),
    "an empty date of joining": ("uncertain", {"joined_at": ""}),
    "rubbish for a date of joining": ("uncertain", {"joined_at": "yesterday"}),
    "joins tomorrow, by a clock that is fast": ("active", {"joined_at": days_ago(-0.9)}),
    "joins the day after tomorrow": ("uncertain", {"joined_at": days_ago(-2)}),
    "idle for 730 days to the second": ("dormant", {"last_seen_at": days_ago(730), "joined_at": days_ago(900)}),
    "idle for a second less": ("active", {"last_seen_at": days_ago(730 - 1 / 86_400)}),
    # Rights and groups (6.1 to 6.4)
    "administrator": ("protected", {"permissions": ["edit_domain"]}),
    "administrator by group": ("protected", {"groups": [{"uid": "equipe-portail"}]}),
    "by a group that came whole": ("protected", {"groups": [LISTED[1]]}),
    "by a group that says less of itself": ("protected", {"groups": [LISTED[1] | {"permissions": []}]}),
    "by a group whose rights are null here": (
        "uncertain",
        {"groups": [records.group("readers", "Readers", []) | {"permissions": None}]},
    ),
    "by a group given as text": ("protected", {"groups": ["equipe-portail"]}),
    "by the same group twice": ("protected", {"groups": [{"uid": "equipe-portail"}, {"uid": "equipe-portail"}]}),
    "publisher by group": ("protected", {"groups": [{"uid": "readers"}, {"uid": "producteurs"}]}),
    "a right the contract forgot": ("protected", {"groups": [{"uid": "glossaire"}]}),
    "a right nobody knows": ("uncertain", {"permissions": ["brand_new_right"]}),
    "a right nobody knows, by group": ("uncertain", {"groups": [{"uid": "pilotes"}]}),
    "a right in capitals": ("uncertain", {"permissions": ["EDIT_DOMAIN"]}),
    "a right with a blank": ("uncertain", {"permissions": ["edit_domain "]}),
    "reader": ("dormant", {"permissions": ["explore_restricted_dataset"], "groups": [{"uid": "readers"}]}),
    "monitor": ("dormant", {"permissions": ["explore_monitoring"]}),
    "rights null": ("uncertain", {"permissions": None}),
    "rights as text": ("uncertain", {"permissions": "explore_monitoring"}),
    "rights with a null": ("uncertain", {"permissions": ["explore_monitoring", None]}),
    "rights within a list": ("uncertain", {"permissions": [["edit_domain"]]}),
    "rights as an object": ("uncertain", {"permissions": {"edit_domain": False}}),
    "groups null": ("uncertain", {"groups": None}),
    "one group and no list": ("uncertain", {"groups": {"uid": "readers"}}),
    "a null among groups": ("uncertain", {"groups": [{"uid": "readers"}, None]}),
    "a group without a uid": ("uncertain", {"groups": [{"title": "Équipe portail"}]}),
    "a group in capitals": ("uncertain", {"groups": [{"uid": "EQUIPE-PORTAIL"}]}),
    "a group nobody lists": ("uncertain", {"groups": [{"uid": "ghosts"}]}),
    "a group nobody lists, with rights": ("protected", {"groups": [{"uid": "g", "permissions": ["edit_domain"]}]}),
    "a group with null rights": ("uncertain", {"groups": [{"uid": "opaque"}]}),
    "a group whose rights are text": ("uncertain", {"groups": [{"uid": "broken"}]}),
    "a protected group, renamed since": ("protected", {"groups": [{"uid": "data-stewards"}]}),
    "a group that only looks protected": ("dormant", {"groups": [{"uid": "admin"}]}),
    "a protected group in capitals": ("protected", {"groups": [{"uid": "Admins"}]}),
    # Vendor, state, type
    "vendor's staff": ("protected", {"is_ods": True}),
    "vendor's staff, perhaps": ("protected", {"is_ods": "false"}),
    "vendor's staff, not said": ("dormant", {"is_ods": None}),
    "switched off": ("dormant", {"is_active": False}),
    "switched off, seen this week": ("active", {"is_active": False, "last_seen_at": days_ago(3)}),
    "rights expired": ("dormant", {"expires_at": days_ago(100)}),
    "single sign-on": ("dormant", {"account_type": "local", "identity_providers": [{"uid": "saml"}]}),
    "an unknown type": ("uncertain", {"account_type": "federated"}),
    "a type that is no text": ("uncertain", {"account_type": 3}),
    "no type": ("dormant", {"account_type": None}),
    "members nobody asked for": ("dormant", {"mfa": True, "quota": {"used": [1, {"a": None}]}}),
    # Addresses
    "no address": ("uncertain", {"email": None}),
    "an address with a NUL": ("uncertain", {"email": "ana\x00@ville.example"}),
    "an address for two": ("uncertain", {"email": "ana@ville.example,eve@evil.example"}),
    "an address in brackets": ("uncertain", {"email": "<ana@ville.example>"}),
    "an address with a comment": ("uncertain", {"email": "ana(eve)@ville.example"}),
    "an address written backwards": ("uncertain", {"email": "\u202eana@ville.example"}),
    "an address with a second line": ("uncertain", {"email": "ana@ville.example\nBcc: eve@evil.example"}),
    "an address that is a number": ("uncertain", {"email": 7}),
    "an address without a domain": ("uncertain", {"email": "ana@"}),
    "an address with blanks around": ("dormant", {"email": " ana@ville.example\n"}),
    "an address in capitals": ("dormant", {"email": "ANA@VILLE.EXAMPLE"}),
}
USERNAMES = {
    "formula": ("dormant", "=HYPERLINK(1)"),
    "percent": ("dormant", "100%41"),
    "windows": ("dormant", "VILLE\\ana"),
    "accents": ("dormant", "José María Ñandú"),
    "an address": ("dormant", "ana+data@idp.example.org"),
    "slash": ("uncertain", "ana/delete"),
    "a wide slash": ("uncertain", "ana／delete"),
    "dots": ("uncertain", ".."),
    "wide dots": ("uncertain", "．．"),
    "a route": ("uncertain", "Export"),
    "a route with a blank": ("uncertain", "invite "),
    "blank": ("uncertain", " "),
    "bell": ("uncertain", "ana\x07"),
}


def of(number: int, fields: Record) -> Record:
    return someone(f"person.{number:03d}", email="person@ville.example") | fields


PEOPLE = {kind: of(number, fields) for number, (kind, (_, fields)) in enumerate(VARIANTS.items())}
PEOPLE |= {kind: someone(name, email="x@ville.example") for kind, (_, name) in USERNAMES.items()}
WANTED = {
    inert(PEOPLE[kind]["username"]).removeprefix("'"): (kind, verdict)
    for kind, (verdict, _) in (VARIANTS | USERNAMES).items()
}


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    return set_stage(*PEOPLE.values(), groups=LISTED, policy=DEFAULT_TEXT, others=100)


def exported(stage: Stage) -> dict[str, dict[str, str]]:
    accounts = Account.objects.filter(workspace=stage.workspace).listed().assessed().with_verdict(stage.clock())
    text = b"".join(written(accounts_sheet(accounts, as_of=stage.clock()), "csv")).decode()
    rows = csv.DictReader(io.StringIO(text))
    return {row["username"].removeprefix("'"): row for row in rows}


def test_every_variant_is_exported_with_the_verdict_it_deserves(stage: Stage) -> None:
    rows = exported(stage)
    told = {kind: rows[name]["verdict"] for name, (kind, _) in WANTED.items()}
    assert told == dict(WANTED.values())
    doubtful = [row for row in rows.values() if row["verdict"] in ("uncertain", "protected")]
    assert all(row["reasons"] for row in doubtful)


@pytest.mark.parametrize("days", [-800, -1, 0, 1, 400, 40_000])
def test_the_database_the_judge_and_the_explanation_agree_at_any_instant(stage: Stage, days: int) -> None:
    now = NOW + timedelta(days=days)
    rules, rights = stage.workspace.current_policy.rules, rights_of(stage)
    accounts = Account.objects.filter(workspace=stage.workspace).listed().assessed().with_verdict(now)
    for account in accounts:
        facts = facts_of(
            decode_user(account.raw),
            rights_by_group=rights,
            key_owner=stage.workspace.key_owner,
            read_at=account.read_at,
            disputed=account.disputed,
        )
        found = judge(rules, facts)
        assert account.verdict == verdict_at(standing=found.standing, dormant_from=found.dormant_from, now=now)
        assert explain(rules, facts).standing == account.assessment.standing


def rights_of(stage: Stage) -> dict[str, tuple[str, ...] | None]:
    groups = stage.workspace.groups.all()
    return {group.uid: None if group.permissions is None else tuple(group.permissions) for group in groups}


def test_absent_members_are_not_empty_ones(set_stage: SetStage) -> None:
    whole = someone("whole")
    names = ("permissions", "groups", "email", "joined_at", "account_type", "is_ods", "last_seen_at", "last_login_at")
    people = [{k: v for k, v in (whole | {"username": f"no.{gone}"}).items() if k != gone} for gone in names]
    stage = set_stage(whole, *people, policy=DEFAULT_TEXT)
    verdicts = stage.verdicts()
    assert {name: verdicts[f"no.{name}"] for name in names} == {
        "permissions": "uncertain",
        "groups": "uncertain",
        "email": "uncertain",
        "joined_at": "uncertain",
        "account_type": "dormant",
        "is_ods": "dormant",
        "last_seen_at": "dormant",
        "last_login_at": "dormant",
    }
    assert verdicts["whole"] == "dormant"


def test_what_is_in_doubt_or_protected_cannot_be_approved(stage: Stage) -> None:
    kept = [name for name, verdict in stage.verdicts().items() if verdict in ("uncertain", "protected")]
    assert len(kept) > 50
    with pytest.raises(decide.DecisionRefused) as refused:
        stage.approve(*kept)
    assert len(refused.value.refusals) == len(kept)
