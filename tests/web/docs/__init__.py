"""Tests of the documentation as pages."""
