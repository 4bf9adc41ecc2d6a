"""The policy: its text, a preview of a change, back-test, e-mails."""
