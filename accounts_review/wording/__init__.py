"""Sentences for people: verdicts and what explains them, objections, findings, cases, holds, policies, instants."""
