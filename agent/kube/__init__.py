"""A Kubernetes cluster through its API.

Law: no other package talks to the API. `cluster` implements `jobs.cluster.Cluster`; `scan` reads lists.
"""
