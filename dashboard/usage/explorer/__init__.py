"""The spend page: whose money went where, by provider, account, team or model."""
