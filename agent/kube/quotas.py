"""What a namespace allows, in the API's own shape; as in `agent.kube.objects`."""

from msgspec import field

from agent.kube.wire import ObjectWire, Wire


class QuotaStatusWire(Wire):
    """`status` of a ResourceQuota."""

    hard: dict[str, str] | None = None
    used: dict[str, str] | None = None


class ScopeWire(Wire):
    """A line of `spec.scopeSelector.matchExpressions`."""

    scope_name: str
    operator: str = ""


class ScopeSelectorWire(Wire):
    """`spec.scopeSelector` of a ResourceQuota."""

    match_expressions: list[ScopeWire] | None = None


class QuotaSpecWire(Wire):
    """`spec` of a ResourceQuota; its amounts are in the status, too."""

    scopes: list[str] | None = None
    scope_selector: ScopeSelectorWire | None = None


class QuotaWire(ObjectWire):
    """A ResourceQuota."""

    spec: QuotaSpecWire = field(default_factory=QuotaSpecWire)
    status: QuotaStatusWire = field(default_factory=QuotaStatusWire)


class LimitWire(Wire):
    """A line of a LimitRange."""

    type: str
    default: dict[str, str] | None = None
    max: dict[str, str] | None = None


class LimitRangeSpecWire(Wire):
    """`spec` of a LimitRange."""

    limits: list[LimitWire] | None = None


class LimitRangeWire(ObjectWire):
    """A LimitRange."""

    spec: LimitRangeSpecWire = field(default_factory=LimitRangeSpecWire)
