"""The Cleanup Portal's one app: accounts of a Huwise workspace, reviewed, warned, and revoked where deserved.

The stages, in order; each is a module of :mod:`accounts_review.workflow`, and they meet only in the database:

    extract -> assess -> review -> launch -> notify -> answer -> revoke -> restore

The floors, lowest first; a module imports only from floors below its own (``lint-imports`` holds it):

    0  lifecycle, policy, dates,      the law: pure, no Django, no clock
       addresses, dormancy,
       explanation, gate, breaker
    1  huwise, models, wording,       the outside world; what we remember; sentences for reasons and
       findings, spreadsheet          findings; tables that people open elsewhere
    2  record, export                 the one door for state changes, the audit chain it writes; what leaves as a file
    3  workflow                       what is done
    4  tasks                          the clock: what the worker runs, and when
    5  web, management                people, and the shell

``sandbox`` is a pretend workspace: it imports nothing of the app, and nothing imports it.
Start reading at :func:`accounts_review.rules.dormancy.judge` and :mod:`accounts_review.workflow.revoke.revoke`.
"""
