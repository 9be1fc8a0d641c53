"""Signing in to a provider with the operator's own app: apps, sign-ins under way, and the tokens that came of them."""
