"""Notify: notices, reminders and removal e-mails, and what became of them."""
