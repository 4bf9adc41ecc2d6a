"""What servers refuse becomes a sentence with what to do; their own words are kept apart."""

from __future__ import annotations

import pytest

from accounts_review.wording import replies


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        ("550 5.1.1 <x@y.example>: Recipient address rejected: User unknown", "The address does not exist."),
        ("550 no such mailbox", "The address does not exist."),
        ("550 5.1.2 Host not found", "The domain of the address does not accept e-mail."),
        ("556 5.1.10 null MX", "The domain of the address does not accept e-mail."),
        ("552 5.2.2 Mailbox full", "The mailbox is full."),
        ("550 5.2.1 The account is disabled", "The mailbox is disabled."),
        ("554 go away", "The mail server does not accept e-mails for this address."),
        ("451 4.7.1 greylisted", "The mail server asks to try again later."),
    ],
)
def test_a_mail_servers_reply_becomes_a_sentence(reply: str, says: str) -> None:
    assert replies.is_reply(reply)
    told = replies.of_mail(reply)
    assert told.startswith(says)
    assert reply[:3] not in told
    assert ("Correct" in told or "again" in told) is True


@pytest.mark.parametrize("text", ["", "the post came back", "5501 x", {"code": "x"}, None, ["550 x"]])
def test_what_people_or_the_portal_wrote_is_no_reply(text: object) -> None:
    assert not replies.is_reply(text)


@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        (
            {
                "error_code": "user_owns_assets",
                "error": "(HTTP 409, user_owns_assets): The user owns 3 datasets. Read it.",
            },
            "Owns 3 datasets: hand them over in Huwise, then try again.",
        ),
        ({"error_code": "user_owns_assets", "error": "no"}, "Owns objects: hand them over"),
        ({"error_code": "last_domain_administrator", "error": "Removing the only"}, "Is the last administrator"),
        ({"error_code": "", "error": "no"}, "The workspace refused the removal."),
        ({}, "The workspace refused the removal."),
    ],
)
def test_a_refused_removal_says_what_to_do(outcome: dict[str, str], says: str) -> None:
    assert replies.of_refusal(outcome).startswith(says)


def test_the_servers_own_words_are_kept() -> None:
    assert replies.words_of({"why": "550 5.1.1 no"}) == "550 5.1.1 no"
    assert replies.words_of({"error": "HTTP 409", "status": 409}) == "HTTP 409"
    assert replies.words_of({"why": [{"code": "exempt"}]}) == ""
    assert replies.words_of(None) == ""
