"""The Cleanup Portal's one app: accounts of a Huwise workspace, reviewed, warned, and revoked where deserved.

The stages, in order, are the folders of :mod:`accounts_review.workflow`; they meet only in the database:

    sync -> assess -> review -> launch -> notify -> answer -> revoke -> restore

The floors, lowest first; a module imports only from floors below its own (``lint-imports`` holds it):

    0  rules                    the law: pure, no Django, no clock
    1  huwise, models,          the outside world; what is remembered;
       wording, spreadsheet     every sentence for people; tables as files
    2  facts, audit             what is judged of an account; state changes, and the chain that logs them
    3  workflow                 what is done
    4  tasks                    the clock: what the worker runs, and when
    5  web, management          people, and the shell

``huwise_sandbox``, beside the app, is a pretend workspace: it imports nothing of the app, and nothing imports it.
Start reading at :func:`accounts_review.rules.dormancy.judge` and :mod:`accounts_review.workflow.revoke.worker`.
"""
