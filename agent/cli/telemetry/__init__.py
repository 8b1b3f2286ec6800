"""`telemetry-agent`: one file a command; `command.py` has the list. Arguments in, words out, nothing else."""
