"""`probe doctor`: can each probe work here, or in a cluster, with what, and if not, what mends it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import click
from rich.text import Text

from agent.cli.cluster_options import LOCAL, ClusterOptions, RunCommand, with_needs_options
from agent.cli.layout import print_findings
from agent.cli.options import format_option
from agent.page.text import fact, named
from probes.catalogue import CATALOGUE, load
from probes.errors import InvalidRequest, ProbeError
from probes.measure.result import Facts
from probes.probe import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found out about one probe."""

    probe: str
    ready: bool
    facts: Facts
    remedy: str | None


@click.command(cls=RunCommand, short_help="Find out what is missing, and how to mend it.")
@click.option("--path", metavar="DIR", help="storage: the directory whose disk is to be measured.")
@click.option("--server", metavar="HOST[:PORT]", help="latency, throughput: the machine that runs `probe serve`.")
@click.option("--start-pod", is_flag=True, help="Cluster: start one short pod too, to see that its image is reached.")
@click.option("--print-rbac", is_flag=True, help="Cluster: print the roles that a run takes, for kubectl apply.")
@format_option
@with_needs_options
@click.pass_context
def doctor(ctx: click.Context, /, *, form: str, start_pod: bool, print_rbac: bool, cluster: ClusterOptions,
           **options: str | None) -> None:  # fmt: skip
    """Check what a run would need, without measuring; exits with 3 where one could not work.

    \b
    Examples:
      probe doctor                                     this machine
      probe doctor --target cluster                    the cluster that kubectl talks to
      probe doctor --target cluster --start-pod        and whether it can start our image
      probe doctor --target cluster --print-rbac | kubectl apply -f -
    """  # noqa: D301  \b is click's mark for a block to be left as it is
    given: dict[str, object] = {key: value for key, value in options.items() if value is not None}
    if cluster.chosen_target == LOCAL:
        _refuse({"--start-pod": start_pod, "--print-rbac": print_rbac}, "a cluster: give --target cluster")
        _examine_machine(ctx, given, form)
    _refuse({f"--{name}": value for name, value in given.items()}, "this machine: leave it out with a cluster")
    from agent.cli import cluster_doctor  # noqa: PLC0415  who has no cluster must not pay for it

    if print_rbac:
        click.echo(cluster_doctor.rbac(cluster), nl=False)
        return
    found = cluster_doctor.findings(cluster, with_pod=start_pod)
    if form == "json":
        click.echo(cluster_doctor.as_json(found))
    else:
        cluster_doctor.show(found)
    ctx.exit(cluster_doctor.exit_code(found))


def _refuse(given: Mapping[str, object], about: str) -> None:
    surplus = next((name for name, value in given.items() if value), None)
    if surplus:
        raise InvalidRequest(f"{surplus} is about {about}")


def _examine_machine(ctx: click.Context, given: dict[str, object], form: str) -> None:
    findings = [_examine(name, given) for name in CATALOGUE]
    if form == "json":
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        _show(findings)
    ctx.exit(0 if all(finding.ready for finding in findings) else 3)


def _examine(name: str, options: dict[str, object]) -> Finding:
    probe = load(name)
    accepted = {key: value for key, value in options.items() if key in CATALOGUE[name].options}
    try:
        facts = probe.check(probe.spec(Profile.QUICK, accepted))
    except ProbeError as error:
        return Finding(probe=name, ready=False, facts={}, remedy=str(error))
    return Finding(probe=name, ready=True, facts=facts, remedy=None)


def _show(findings: Sequence[Finding]) -> None:
    ready, missing = Text("ready", "green"), Text("missing", "yellow")
    print_findings(
        (each.probe, ready if each.ready else missing, Text(each.remedy or _told(each.facts))) for each in findings
    )


def _told(facts: Facts) -> str:
    return ", ".join(f"{named(key)} {fact(key, value)}" for key, value in facts.items())
