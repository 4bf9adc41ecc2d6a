"""Names are compared as people mean them, and globs match quickly whatever they are held against."""

from __future__ import annotations

import pytest

from accounts_review.rules.names import LONGEST, Globs, Names, as_listed, folded, has_controls, is_broken


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SVC-Backup", "svc-backup"),
        (" admins\t", "Admins"),
        ("\u00a0admins\u3000", "admins"),
        ("\ufeffadmins", "ad\u00admin\u200bs"),
        ("É.Martin", "e\u0301.martin"),
        ("STRASSE", "straße"),
        ("ＡＤＭＩＮ", "admin"),
        ("İSTANBUL", "istanbul"),
        ("ISTANBUL", "ıstanbul"),
        ("ΟΔΟΣ", "οδος"),
    ],
    ids=ascii,
)
def test_one_name_in_two_spellings_is_one_name(one: str, other: str) -> None:
    assert folded(one) == folded(other)
    assert one in Names([other])
    assert Names([one]).meets(["nobody", other])
    assert Globs([one]).matching(other) == [one]


@pytest.mark.parametrize(("one", "other"), [("admin", "admins"), ("a.b", "a-b"), ("e", "é"), ("o", "ø"), ("a b", "ab")])
def test_other_names_stay_other_names(one: str, other: str) -> None:
    assert other not in Names([one])
    assert Globs([one]).matching(other) == []


@pytest.mark.parametrize(
    ("glob", "name", "matches"),
    [
        ("svc-*", "SVC-Backup", True),
        ("SVC-*", "svc-", True),
        ("svc-*", "my.svc-backup", False),
        ("svc-*", "svc", False),
        ("*.EXT", "anna.b.ext", True),
        ("*@Partner.Example", "Jo@partner.example", True),
        ("bot?", "BOT7", True),
        ("bot?", "bot", False),
        ("bot[0-9]", "bot5", True),
        ("bot[!0-9]", "bot5", False),
        ("BOT[A-F]", "botc", True),
        ("a[[]b]", "A[b]", True),
        ("*", "", True),
        ("a.c", "abc", False),
        ("(a|b)+$", "(a|b)+$", True),
        ("\\d", "\\d", True),
    ],
)
def test_globs_match_without_regard_to_capitals(glob: str, name: str, matches: bool) -> None:
    assert Globs(["other", glob, "no*body"]).matching(name) == [glob] * matches
    assert Globs([glob]).meet(name) is matches


def test_every_glob_that_matches_is_named_as_it_is_written() -> None:
    globs = Globs(["SVC-*", "*backup", "Svc-Backup", "x*"])
    assert set(globs.matching("svc-backup")) == {"SVC-*", "*backup", "Svc-Backup"}


@pytest.mark.parametrize("glob", ["svc-[", "[]", "[!]", "[z-a]", "x[!a-", "[abc", "ok[a]no[b", "svc-［"])
def test_a_set_that_is_not_closed_empty_or_reversed_is_broken(glob: str) -> None:
    assert is_broken(glob)


@pytest.mark.parametrize("glob", ["svc-*", "[a-z]", "[A-z]", "a[]]b", "[[]", "[!]]", "[-a]", "[a-]", "svc]", "**", ""])
def test_others_are_not(glob: str) -> None:
    assert not is_broken(glob)


def test_no_glob_takes_long_whatever_it_is_held_against() -> None:
    """Each of these takes longer than the age of the universe where an expression goes back over what it passed."""
    hostile = ["*a" * 100 + "b", "*[ab]" * 100 + "c", "?*" * 100 + "c", "*" * 200 + "c"]
    assert Globs(hostile).matching("a" * LONGEST) == []


def test_what_is_too_long_for_a_name_is_held_against_no_glob() -> None:
    globs = Globs(["*"])
    assert not globs.meet("a" * (LONGEST + 1))
    with pytest.raises(ValueError, match="1,001 characters"):
        globs.matching("a" * (LONGEST + 1))


@pytest.mark.parametrize(
    ("name", "listed", "found"),
    [
        ("svc.cleanup", ["Svc.Cleanup", "svc.cleanup"], "svc.cleanup"),
        ("SVC.CLEANUP", ["anna", "svc.Cleanup"], "svc.Cleanup"),
        ("svc", ["svc.cleanup"], ""),
        ("svc", [], ""),
        ("", ["", "svc"], ""),
    ],
)
def test_a_name_is_found_in_a_list_as_the_list_has_it(name: str, listed: list[str], found: str) -> None:
    assert as_listed(name, listed) == found


@pytest.mark.parametrize("space", [" ", "\u00a0", "\u202f", "\u2009", "\u3000"], ids=ascii)
def test_spaces_are_no_controls(space: str) -> None:
    assert not has_controls(f"Données{space}: portail")


@pytest.mark.parametrize(
    "control", ["\n", "\t", "\0", "\x1b", "\u202e", "\u2066", "\u200b", "\u2028", "\ud800"], ids=ascii
)
def test_what_nobody_sees_is_a_control_unless_it_is_allowed(control: str) -> None:
    assert has_controls(f"a{control}b")
    assert not has_controls(f"a{control}b", but=control)
