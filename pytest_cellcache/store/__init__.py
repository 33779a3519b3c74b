"""Holds records, blobs and notes between runs; knows nothing of Python code or pytest."""
