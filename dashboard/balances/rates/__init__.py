"""What one unit of money is worth in another: the ECB's rates and those that people type in. For display alone: nothing
that is stored is ever converted."""
