"""The only code that knows pytest."""
