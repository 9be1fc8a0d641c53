"""Allocation rules: who says whose spend it is, with what follows from it before it is saved."""
