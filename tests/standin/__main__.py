"""`python -m tests.standin`, from the checkout: a cluster to try things on by hand, until Ctrl-C.

    sudo .venv/bin/python -m tests.standin --nodes 2 &
    probe run latency --target cluster --context standin

prints the path of a kubeconfig for `KUBECONFIG`, whose contexts are `standin` and `standin-token`.
"""

import argparse
import signal
import sys
import threading

from tests.standin.pace import RECORDED, Pace
from tests.standin.standin import StandIn, pods_reason


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.standin", description=__doc__)
    parser.add_argument("--nodes", type=int, default=2, help="how many nodes there are (default: 2)")
    parser.add_argument("--real-pace", action="store_true", help="take as long as a real cluster that was recorded")
    arguments = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    if reason := pods_reason():
        sys.stderr.write(f"standin: {reason}\n")
    with StandIn(nodes=arguments.nodes, pace=RECORDED if arguments.real_pace else Pace()) as cluster:
        sys.stdout.write(f"export KUBECONFIG={cluster.kubeconfig}\n")
        sys.stdout.flush()
        stop.wait()


if __name__ == "__main__":
    main()
