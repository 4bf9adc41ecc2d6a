"""The sentences: one for every code, in the reader's language, with names as they were given."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.template import Context, Template
from django.utils import timezone, translation

from accounts_review.rules import dormancy, explanation
from accounts_review.rules.dates import DateFault
from accounts_review.rules.dormancy import Reason, Verdict
from accounts_review.wording import explanations, instants, objections, verdicts
from tests.builders import NOW

HOSTILE = [
    "100%",
    "%s",
    "%(subject)s",
    "%(nothing)d %",
    "<script>alert(1)</script>",
    "{0}",
    "a\\nb",
    "'; --",
    "é\u202e",
]


@pytest.fixture(params=["en", "fr"])
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    with translation.override(request.param):
        yield request.param


def produced() -> set[str]:
    """The key of a sentence for each ``Reason(...)`` that the source of dormancy makes."""
    calls = re.findall(r'\bReason\("(\w+)"([^)]*)\)', inspect.getsource(dormancy))
    assert len(calls) == inspect.getsource(dormancy).count("Reason(")
    plain = {code for code, _ in calls}
    return plain | {f"{code} via" for code, arguments in calls if "via" in arguments}


def test_every_reason_that_can_arise_has_a_sentence_and_no_sentence_is_left_over() -> None:
    assert produced() == set(verdicts.SENTENCES)


def test_each_reason_is_a_protection_that_could_end_or_a_doubt_that_a_person_can_settle() -> None:
    assert sorted([*explanations.WITHOUT, *explanations.REMEDIES]) == sorted(verdicts.SENTENCES)
    assert {key.partition(" ")[0] for key in explanations.WITHOUT} == explanation.PROTECTIONS
    assert set(explanations.FAULTS) == set(DateFault)


@pytest.mark.parametrize("clauses", [explanations.WITHOUT, explanations.REMEDIES], ids=["without", "remedies"])
def test_every_condition_and_remedy_is_complete_in_every_language(clauses: dict[str, Any], language: str) -> None:
    for key, clause in clauses.items():
        filled = str(clause) % {"subject": "SUBJECT", "via": "GROUP"}
        assert ("SUBJECT" in filled, "GROUP" in filled) == ("%(subject)s" in str(clause), key.endswith(" via"))
        assert "%" not in filled


def test_an_objection_of_another_verdict_says_its_reasons_like_everything_else() -> None:
    because = [{"code": "right", "subject": "edit_domain", "via": "team"}, {"code": "no_email"}]
    said = "is now protected: " + ", ".join(verdicts.reasons(because))
    assert objections.objection("verdict_protected", "", because) == said
    assert objections.objection("verdict_protected", "as told before") == "is now protected: as told before"


def test_the_course_of_a_verdict_says_since_when_and_until_when() -> None:
    def course(standing: str, **changes: Any) -> str:
        known: dict[str, Any] = {
            "standing": standing,
            "dormant_from": NOW,
            "has_date": True,
            "now": NOW,
            "exempt_until": None,
        }
        return verdicts.course(**(known | changes))

    before = NOW - timedelta(days=1)
    assert course("ordinary") == "past the limit since 15 Jun 2026; dormant"
    assert course("protected") == "past the limit since 15 Jun 2026; protected"
    assert course("ordinary", now=before) == "active until 15 Jun 2026; then dormant, if it stays idle"
    assert course("uncertain", now=before) == "active until 15 Jun 2026; then uncertain, if it stays idle"
    assert course("ordinary", exempt_until=NOW) == (
        "past the limit since 15 Jun 2026; exempt until 15 Jun 2026, then dormant"
    )
    assert course("uncertain", has_date=False) == "uncertain: there is no date to count from"


def test_reasons_in_force_are_those_of_the_verdict_shown_and_the_exemption_comes_first() -> None:
    stored = [{"code": "vendor_staff"}]
    staff = "belongs to the vendor's staff"
    assert verdicts.in_force(stored, verdict="protected", exempt_until=None) == [staff]
    assert verdicts.in_force(stored, verdict="protected", exempt_until=NOW) == ["exempt until 15 Jun 2026", staff]
    assert verdicts.in_force(stored, verdict="active", exempt_until=NOW) == []
    assert verdicts.in_force([], verdict="dormant", exempt_until=None) == []


def test_a_right_through_a_group_names_both(language: str) -> None:
    for code in ("right", "unknown_right"):
        clause = verdicts.reason(Reason(code, "edit_domain", "team"))
        assert "edit_domain" in clause
        assert "team" in clause
        assert "team" not in verdicts.reason(Reason(code, "edit_domain"))


@pytest.mark.parametrize("key", verdicts.SENTENCES)
def test_every_sentence_is_complete_in_every_language(key: str, language: str) -> None:
    code, _, via = key.partition(" ")
    clause = verdicts.reason(Reason(code, "SUBJECT", "GROUP" if via else ""))
    assert ("SUBJECT" in clause) == ("%(subject)s" in str(verdicts.SENTENCES[key]))
    assert "%" not in clause
    assert clause != code
    assert not clause.endswith(".")


@pytest.mark.parametrize("key", objections.OBJECTIONS)
def test_every_objection_is_complete_in_every_language(key: str, language: str) -> None:
    clause = objections.objection(key, "DETAIL")
    assert ("DETAIL" in clause) == ("%(detail)s" in str(objections.OBJECTIONS[key]))
    assert "%" not in clause
    assert clause != key


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_passes_through_as_it_is(name: str, language: str) -> None:
    for key in verdicts.SENTENCES:
        code, _, via = key.partition(" ")
        clause = verdicts.reason(Reason(code, name, name if via else ""))
        wanted = str(verdicts.SENTENCES[key]).count("%(")
        assert clause.count(name) >= wanted
    assert objections.objection("new_groups", name).endswith(name)
    assert f"({name})" in idleness(segment=name)


def test_reasons_are_read_as_an_assessment_stores_them() -> None:
    stored = [{"code": "right", "subject": "edit_domain", "via": "team"}, {"code": "vendor_staff"}]
    assert verdicts.reasons(stored) == [
        "holds the protected right edit_domain through group team",
        "belongs to the vendor's staff",
    ]


def test_a_code_of_another_time_is_shown_rather_than_hidden() -> None:
    assert verdicts.reason(Reason("once_upon", "a", "b")) == "once_upon"
    assert objections.objection("once_upon") == "once_upon"


def idleness(**changes: Any) -> str:
    known: dict[str, Any] = {
        "activity_at": datetime(2024, 4, 6, 8, tzinfo=UTC),
        "activity_field": "last_seen_at",
        "limit_days": 730,
        "segment": "everyone else",
        "now": NOW,
    }
    return verdicts.idleness(**(known | changes))


def test_idleness_says_date_days_limit_and_segment() -> None:
    assert idleness() == "last seen 6 Apr 2024, 2 years, 2 months ago; limit 2 years (everyone else)"


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("last_seen_at", "last seen 6 Apr 2024, 2 years, 2 months ago;"),
        ("last_login_at", "last signed in 6 Apr 2024, 2 years, 2 months ago;"),
        ("joined_at", "invited 6 Apr 2024, 2 years, 2 months ago, never signed in;"),
    ],
)
def test_idleness_says_which_date_it_rests_on(field: str, words: str) -> None:
    assert idleness(activity_field=field).startswith(words)


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (timedelta(days=2), "2 days ago"),
        (timedelta(days=2) - timedelta(seconds=1), "1 day ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(hours=23), "23 hours ago"),
        (timedelta(hours=-23), "0 minutes ago"),
    ],
)
def test_whole_days_are_counted_and_one_day_is_not_days(ago: timedelta, words: str) -> None:
    assert f", {words};" in idleness(activity_at=NOW - ago).replace("\xa0", " ")


def test_a_limit_of_one_day_is_not_days() -> None:
    assert idleness(limit_days=1).endswith("; limit 1 day (everyone else)")


def test_without_a_valid_date_idleness_says_so() -> None:
    assert idleness(activity_at=None, activity_field="") == "no valid date; limit 2 years (everyone else)"


def test_a_day_is_told_in_the_readers_time_zone_and_language() -> None:
    late = datetime(2024, 2, 3, 23, 30, tzinfo=UTC)
    assert instants.day(late) == "3 Feb 2024"
    with timezone.override("Europe/Paris"):
        assert instants.day(late) == "4 Feb 2024"


@pytest.mark.parametrize(
    ("month", "words"), [(1, "3 janv. 2024"), (2, "3 févr. 2024"), (5, "3 mai 2024"), (8, "3 août 2024")]
)
def test_french_writes_months_small_wherever_a_date_is_told(month: int, words: str) -> None:
    instant = datetime(2024, month, 3, 12, tzinfo=UTC)
    with translation.override("fr"):
        assert instants.day(instant) == words
        assert Template('{{ at|date:"j M Y" }}').render(Context({"at": instant})) == words


def test_a_template_tells_a_date_in_the_readers_time_zone() -> None:
    late = Context({"at": datetime(2024, 2, 3, 23, 30, tzinfo=UTC), "never": None})
    with timezone.override("Europe/Paris"):
        assert Template('{{ at|date:"j M Y H:i T" }}{{ never|date:"j M Y" }}').render(late) == "4 Feb 2024 00:30 CET"


def test_no_language_makes_the_sentences_fail(language: str) -> None:
    assert "2024" in idleness()
    assert re.search(r"\b2 \w+, 2 \w+\b", idleness())
    assert "2026" in verdicts.exemption(NOW)
    assert all(verdicts.verdict(verdict.value) for verdict in Verdict)


def test_an_exemption_says_until_when() -> None:
    assert verdicts.exemption(NOW) == "exempt until 15 Jun 2026"


def test_a_verdict_is_told_in_a_word() -> None:
    assert [verdicts.verdict(verdict.value) for verdict in Verdict] == ["active", "protected", "uncertain", "dormant"]
