"""Signing in, and who is there: what allauth's pages need beside them."""
