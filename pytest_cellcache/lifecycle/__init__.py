"""The life of one unit: look up, verify, replay or run, record."""
