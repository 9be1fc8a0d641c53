"""Policies as the files of gateways. An export names secrets by environment variable and never holds one, says what its
target cannot express, and is the same to the byte for the same revision."""
