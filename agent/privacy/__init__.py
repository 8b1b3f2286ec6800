"""What makes something fit to leave: keys, anonymizing, consent, and whatever stops it.

Law: fails closed; no message holds what was collected. Nothing here opens a connection.
"""
