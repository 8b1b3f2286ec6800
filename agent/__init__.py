"""Command lines, and the agent that collects, merges, anonymizes and sends.

Law: the command lines hold arguments and output only; what they do stands in `probes`.
"""
