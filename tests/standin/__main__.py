"""A cluster to try things on by hand, until Ctrl-C.

It prints where its kubeconfig is, for another terminal. From the checkout:

    sudo .venv/bin/python -m tests.standin
    sudo KUBECONFIG=... .venv/bin/probe run latency --target cluster --profile quick --image probe:1

Pods are processes of this machine, for which it takes root; any image will do, and none is pulled. The contexts are
`standin`, which logs in by a certificate, and `standin-token`.
"""

import argparse
import signal
import sys
import threading

from tests.standin.pace import RECORDED, Pace
from tests.standin.standin import StandIn, pods_reason


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.standin", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
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
