"""The page of one account: what kind of account it is, and what each part of its page prints."""
