"""What is measured: one probe a file, on any Linux machine.

Law: nothing here knows Kubernetes, sends telemetry or draws on a terminal. Probes never import one another;
`probes.measure` is pure and imports nothing of ours. The direction of imports is checked by import-linter
(see `pyproject.toml`): runner -> catalogue -> probes -> probe, process, repeat, environment -> errors, measure.
"""
