"""A question to a person, before what can't be taken back."""

import click


def agreed(question: str) -> bool:
    """Ask for a yes or a no. Raises UsageError where nobody can answer, as in `kubectl exec` without a terminal."""
    try:
        return click.confirm(question)
    except click.Abort as aborted:
        # click makes one error of Ctrl-C and of an input that has ended.
        if not isinstance(aborted.__context__, EOFError):
            raise
        click.echo()
        raise click.UsageError("nobody answered: give --yes, or a terminal (`kubectl exec -it`)") from aborted


def insist(question: str) -> None:
    """Ask, and end the command where the answer is no. Raises as `agreed`, and Abort."""
    if not agreed(question):
        raise click.Abort
