"""What containers have of the machine that they run on."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.standin.standin import pods_reason

pytestmark = pytest.mark.skipif(pods_reason() is not None, reason=str(pods_reason()))
_SCRIPT = """
from tests.standin.lab import job, pod_spec, start, wait_for_phase
from tests.standin.standin import StandIn
with StandIn() as cluster:
    start(cluster, job("looks", pod_spec("ls", "/tmp", {checkout!r})))
    pod = wait_for_phase(cluster, "looks", "Succeeded", "Failed")
    print(cluster.api.read_log(pod, "probe")[0].decode())
"""


def test_of_tmp_a_container_sees_the_checkout_alone(tmp_path: Path) -> None:
    for package in ("tests/standin", "probes", "jobs"):
        shutil.copytree(Path(__file__).parents[2] / package, tmp_path / "checkout" / package)
    (tmp_path / "foreign").touch()
    checkout = str(tmp_path / "checkout")
    ran = subprocess.run(
        [sys.executable, "-c", _SCRIPT.format(checkout=checkout)],
        cwd=checkout,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    # The interpreter that runs this may lie below /tmp, too.
    needed = {path.parts[2] for path in (tmp_path, Path(sys.prefix)) if path.parts[1] == "tmp"}
    assert ran.stdout.split() == ["/tmp:", *sorted(needed), f"{checkout}:", "jobs", "probes", "tests"]  # noqa: S108 - only looked at
