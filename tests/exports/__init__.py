"""Exports, read by the programs that they are made for. See `make validate-exports`."""
