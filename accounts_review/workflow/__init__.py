"""What is done, one module a stage, in this order::

    sync -> assess -> review -> launch -> notify -> answer -> revoke -> restore

Stages never import each other: they meet in the database and the audit log, and each is safe to run twice.
``clock`` is a function that answers the present instant; it, the actor and the client are passed in.
"""
