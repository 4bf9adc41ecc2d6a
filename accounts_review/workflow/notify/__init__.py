"""Notify: notices, reminders and closing e-mails, and what became of them."""
