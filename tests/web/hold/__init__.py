"""Tests of the page Hold."""
