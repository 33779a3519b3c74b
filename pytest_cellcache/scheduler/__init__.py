"""What to restore, to leave out, to run, and to run again; pure."""
