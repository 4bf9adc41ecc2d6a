"""A PostgreSQL that comes with the portal: used when ``DATABASE_URL`` is not set, and by the tests.

The server starts at the first connection of the first process and stops when the last process that used it
leaves, also where that one was killed. Its data live in the ``data_directory`` of the database's ``OPTIONS``.
"""
