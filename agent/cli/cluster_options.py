"""The options of `probe run` that are about a cluster: a section of its help, and a record of what was given."""

import functools
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import click

from agent.cli.options import DURATION, SIZE, Parsed
from jobs.guard import OVERRIDES
from probes.errors import InvalidRequest

LOCAL, CLUSTER = "local", "cluster"
_AUTO = "auto"
_LEFT_TO_CLUSTER = "cluster"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterOptions:
    """What was given, named as the options are; None, an empty tuple or False where nothing was."""

    target: str = _AUTO
    context: str | None = None
    namespace: str | None = None
    image: str | None = None
    pull_secret: tuple[str, ...] = ()
    pull_policy: str | None = None
    storage_class: tuple[str, ...] = ()
    claim: tuple[str, ...] = ()
    claim_size: int | None = None
    nodes: Mapping[str, str] | None = None
    toleration: tuple[str, ...] = ()
    architecture: tuple[str, ...] = ()
    user: int | str | None = None
    """Of the pods; a word where it is left to the cluster."""
    max_nodes: int | None = None
    max_pairs: int | None = None
    startup_pods: int | None = None
    startup_rate: float | None = None
    start_within: float | None = None
    override: tuple[str, ...] = ()
    max_concurrent_jobs: int | None = None
    max_cpu_seconds: float | None = None
    max_written_bytes: int | None = None
    max_seconds: float | None = None
    wait: float | None = None
    dry_run: bool = False

    @property
    def chosen_target(self) -> str:
        """`cluster` where that was said or any option about one was given, else `local`.

        Raises InvalidRequest where such an option was given for this machine.
        """
        given = next(self._given(), None)
        if self.target == LOCAL and given:
            raise InvalidRequest(f"{given} is about a cluster: leave it out, or give --target cluster")
        return CLUSTER if given or self.target == CLUSTER else LOCAL

    def _given(self) -> Iterator[str]:
        for each in fields(self):
            if each.name != "target" and getattr(self, each.name) not in (None, (), False):
                yield f"--{each.name.replace('_', '-')}"


def _labels(text: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(key.strip() and equals and not value.startswith("=") for key, equals, value in pairs):
        raise ValueError(f"{text!r} does not say which labels: write key=value, and commas between several")
    return {key.strip(): value.strip() for key, _, value in pairs}


def _user(text: str) -> int | str:
    if text == _LEFT_TO_CLUSTER:
        return text
    if not text.isdecimal() or int(text) == 0:
        raise ValueError(f"{text!r} is no user: write a number other than root's 0, or `{_LEFT_TO_CLUSTER}`")
    return int(text)


class _ClusterOption(click.Option):
    """Shown in a section of its own."""


class RunCommand(click.Command):
    """A command whose help has the options about clusters apart, for those who have none."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write two sections; click's signature."""
        options = [each for each in self.get_params(ctx) if isinstance(each, click.Option)]
        for title, is_about_cluster in (("Options", False), ("In a cluster", True)):
            shown = (each for each in options if isinstance(each, _ClusterOption) is is_about_cluster)
            with formatter.section(title):
                formatter.write_dl([record for each in shown if (record := each.get_help_record(ctx)) is not None])


_COUNT = click.IntRange(min=1)
_OPTIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("--context", {"metavar": "NAME", "help": "The kubeconfig's context; default: its current one."}),
    ("--namespace", {"metavar": "NAME", "help": "Where Jobs are created; default: the context's."}),
    ("--image", {"metavar": "IMAGE", "help": "What the pods run; default: prism-platform/probe of this version."}),
    ("--pull-secret", {"metavar": "NAME", "multiple": True, "help": "A secret to pull the image with; repeatable."}),
    (
        "--pull-policy",
        {"type": click.Choice(["IfNotPresent", "Always", "Never"]), "help": "Default: IfNotPresent."},
    ),
    (
        "--storage-class",
        {"metavar": "NAME", "multiple": True, "help": "storage: a class to measure; repeatable; default: all."},
    ),
    (
        "--claim",
        {"metavar": "NAME", "multiple": True, "help": "storage: an existing claim to measure in; repeatable."},
    ),
    ("--claim-size", {"type": SIZE, "metavar": "SIZE", "help": "storage: size of new claims; default: 5GiB, 20GiB."}),
    (
        "--nodes",
        {"type": Parsed("labels", _labels), "metavar": "SELECTOR", "help": "Only nodes with these labels: key=value,…"},
    ),
    ("--toleration", {"metavar": "KEY", "multiple": True, "help": "A taint to tolerate, by its key; repeatable."}),
    (
        "--architecture",
        {"metavar": "NAME", "multiple": True, "help": "What the image is built for, such as arm64; repeatable."},
    ),
    (
        "--user",
        {"type": Parsed("user", _user), "metavar": "UID", "help": "Of the pods: 65532, or `cluster` to leave it open."},
    ),
    ("--max-nodes", {"type": _COUNT, "metavar": "N", "help": "Sample so many nodes where there are more; default: 8."}),
    ("--max-pairs", {"type": _COUNT, "metavar": "N", "help": "Sample so many pairs of nodes; default: 12."}),
    ("--startup-pods", {"type": _COUNT, "metavar": "N", "help": "startup: one wave of so many pods."}),
    (
        "--startup-rate",
        {"type": click.FloatRange(min=0, min_open=True), "metavar": "N", "help": "startup: pods a second; default: 5."},
    ),
    ("--start-within", {"type": DURATION, "metavar": "TIME", "help": "How long a pod may take to start; default: 5m."}),
    (
        "--override",
        {
            "type": click.Choice(list(OVERRIDES)),
            "metavar": "NAME",
            "multiple": True,
            "help": f"What the guard shall not mind: {', '.join(OVERRIDES)}; repeatable.",
        },
    ),
    (
        "--max-concurrent-jobs",
        {"type": _COUNT, "metavar": "N", "help": "Limit of Jobs at once; default: 32."},
    ),
    ("--max-cpu-seconds", {"type": DURATION, "metavar": "TIME", "help": "Limit of CPU time; default: 4h."}),
    (
        "--max-written-bytes",
        {"type": SIZE, "metavar": "SIZE", "help": "Limit of what is written; default: 500 GB."},
    ),
    ("--max-seconds", {"type": DURATION, "metavar": "TIME", "help": "The time window of a run; default: 2h."}),
    ("--wait", {"type": DURATION, "metavar": "TIME", "help": "Wait so long for what the guard minds to pass."}),
    (
        "--dry-run",
        {"is_flag": True, "help": "Change nothing: the plan to stderr, the manifests to stdout, for kubectl."},
    ),
)


# What a run does, as opposed to what it needs in a cluster.
_OF_RUN_ALONE = frozenset(
    {
        *("--claim", "--max-nodes", "--max-pairs", "--startup-pods", "--startup-rate", "--override", "--wait"),
        *("--max-concurrent-jobs", "--max-cpu-seconds", "--max-written-bytes", "--max-seconds", "--dry-run"),
    }
)


def with_cluster_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that fill its argument `cluster`."""
    return _with_options(command, [flag for flag, _ in _OPTIONS])


def with_needs_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command those of the options that decide what a run needs; they fill its argument `cluster`, too."""
    return _with_options(command, [flag for flag, _ in _OPTIONS if flag not in _OF_RUN_ALONE])


def _with_options(command: Callable[..., None], flags: Collection[str]) -> Callable[..., None]:
    @functools.wraps(command)
    def wrapper(*args: Any, **rest: Any) -> None:
        given = {each.name: rest.pop(each.name) for each in fields(ClusterOptions) if each.name in rest}
        command(*args, cluster=ClusterOptions(**given), **rest)

    decorated: Callable[..., None] = wrapper
    for flag, settings in reversed(_OPTIONS):
        if flag in flags:
            decorated = click.option(flag, cls=_ClusterOption, **settings)(decorated)
    return click.option(
        "--target",
        type=click.Choice([_AUTO, LOCAL, CLUSTER]),
        default=_AUTO,
        show_default=True,
        help="auto: the cluster where an option about one is given, else this machine.",
    )(decorated)
