"""Sentences for people: verdicts, objections, findings, cases and audit events."""
