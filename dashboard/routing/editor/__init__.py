"""Writing policies: the draft that a form carries, what the linter says of it, and how two revisions differ."""
