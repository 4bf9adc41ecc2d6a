"""The clock: what the worker runs, and when. A task reads clock and settings, opens the client, makes one call.

The queue only says that something may be due: a lost, doubled or late message changes nothing, and
:func:`accounts_review.tasks.jobs.sweep` looks everywhere again.
"""
