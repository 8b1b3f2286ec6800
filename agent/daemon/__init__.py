"""What runs: the resident process, its tasks in child processes, and `cycle`, the one place where the steps meet.

Law: `daemon` and what it imports stay small; whatever is heavy is a child's.
"""
