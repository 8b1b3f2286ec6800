"""A probe as short-lived Kubernetes Jobs: what to run where and when, as manifests, and what to make of what happens.

Law: nothing here speaks to a cluster but through the Protocol `jobs.cluster.Cluster`, which the caller passes in; no
Kubernetes client is imported. Everything but `launch` is pure: no clock, no file, no network; time is an argument.
The direction of imports is checked by import-linter: launch -> manifest, timeline -> plan -> guard, cluster -> errors.
"""
