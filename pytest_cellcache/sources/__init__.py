"""Which files count and what they hold; with ``store``, the only layer that reads files."""
