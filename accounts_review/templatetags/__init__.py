"""Filters for the portal's templates."""
