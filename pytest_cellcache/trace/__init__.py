"""Footprints as seen from outside: which code ran, and which inputs were consulted, per unit."""
