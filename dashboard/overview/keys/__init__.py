"""The pages of provider keys: what the provider tells of each, whose it is, and what it spent."""
