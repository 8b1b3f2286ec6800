"""The pure kernel: units, histograms, summaries, stability, results.

Law: no clock, no file, no network, no process, no global randomness. Time, randomness and the machine's facts are
arguments. Imports numpy and pydantic, and nothing of ours from outside this package.
"""
