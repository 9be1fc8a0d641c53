"""Billed against estimated: what was counted beside what the same tokens cost at list prices."""
