"""The service that receives reports: stores them, releases baselines, recommends, erases.

Law: of the other packages only `agent.wire.fields` with what it is made of, `agent.levels`, `agent.errors`,
`agent.address`, `agent.delivery.outbox_export` and `probes.measure` are imported; no Kubernetes client is. Deciding is
pure (`ingest`, `votes`, `recommendations`); only `store` speaks SQL; `routes` hold HTTP only. No address of a client is
stored, logged or counted, and nothing is kept of a time more exactly than its day.
"""
