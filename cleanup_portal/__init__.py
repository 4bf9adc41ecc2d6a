"""The Django project around the portal's one app: settings, addresses, logs, the embedded database."""

__version__ = "0.1.0.dev0"
"""The portal's version, said only here; a release drops the ``.dev0``."""
