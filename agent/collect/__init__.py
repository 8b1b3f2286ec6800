"""Collectors: from a cluster's lists to the raw facts of a subject.

A file a subject (`cluster`, `nodes`, `workloads`, `usage`, `platform`, `policies`, `host`): it states its level and
data type, what it reads, and makes the facts out of it. What surrounds them: `gather` reads each list once for all who
want it; `kinds` and `shapes` say what of an object is read at all; tables (`distributions`, `regions`, `catalogue`) say
how things are recognized. Collectors know `kube.scan`, `wire.facts` and `wire.vocabulary`, never one another.
Names that they see stay in memory: nothing here logs, and no error says what was read.
"""
