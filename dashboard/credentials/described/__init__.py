"""Providers that an organization describes itself: kept, edited, tried, shared as files, deleted."""
