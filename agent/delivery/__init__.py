"""From the outbox to the receipt, and the audit trail of all of it.

Law: `send` is the only module that opens a connection which carries telemetry. What was taken arrives, and counts once.
"""
