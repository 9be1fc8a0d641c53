"""The overview: what is left, when it runs dry, what was spent, and what needs somebody."""
