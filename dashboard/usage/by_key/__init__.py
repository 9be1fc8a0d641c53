"""What each provider key spent."""
