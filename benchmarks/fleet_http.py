"""A small fleet over the real API: a service started as a simulation, on loopback, asked as agents ask."""

import http.client
import json
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

from agent.delivery.batch import compress, frame
from agent.levels import Level
from agent.wire.fields import schema_digest
from benchmarks.fleet_clusters import Traits, traits
from benchmarks.fleet_store import CONSENT_DIGEST, Plan, lifetime
from corrective_drift.log import Log
from corrective_drift.receipts import load_signer
from corrective_drift.recommendations.engine import recommend
from corrective_drift.server import Address, listening, prepared
from corrective_drift.service import Service, Settings
from corrective_drift.store.engine import open_engine
from corrective_drift.store.migrate import migrate
from probes.measure.baselines import EMPTY

# A batch is at most so many documents, as the agent's own are by default.
_BATCH = 100


def asked(plan: Plan, clusters: int) -> int:
    """Send some clusters' reports; return for how many everything was taken and the answer is what rules say."""
    with (
        tempfile.TemporaryDirectory(prefix="fleet-") as name,
        _serving(Path(name), plan) as port,
        closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection,
    ):
        return sum(_is_right(connection, plan, number) for number in range(clusters))


def _is_right(connection: http.client.HTTPConnection, plan: Plan, number: int) -> bool:
    each, sent = traits(plan.seed, number), [body for _, body in lifetime(plan, number)]
    if each.level is Level.MINIMAL:
        return all(_sent(connection, each, [body]) == 1 for body in sent)
    if not sent:
        return True
    taken = sum(_sent(connection, each, sent[at : at + _BATCH]) for at in range(0, len(sent), _BATCH))
    today = plan.last + timedelta(days=1)
    expected = recommend([json.loads(body) for body in sent], EMPTY, today=today).model_dump(mode="json")
    return taken == len(sent) and _fetched(connection, each) == {"cluster_id": each.keys.cluster_id, **expected}


def _sent(connection: http.client.HTTPConnection, each: Traits, bodies: list[bytes]) -> int:
    """Return how many documents a receipt says were taken."""
    headers = {
        "Content-Type": "application/json",
        "Content-Encoding": "gzip",
        "Idempotency-Key": str(uuid.uuid4()),
        "Prism-Schema": schema_digest(),
    }
    if each.level is not Level.MINIMAL:
        headers |= {"Authorization": f"Bearer {each.keys.token}", "Prism-Consent": CONSENT_DIGEST}
    connection.request("POST", "/v1/collect", compress(frame(bodies)), headers)
    answer = connection.getresponse()
    text = answer.read()
    return len(bodies) if answer.status in {200, 201, 202} and json.loads(text)["receipt"] else 0


def _fetched(connection: http.client.HTTPConnection, each: Traits) -> Any:
    headers = {"Authorization": f"Bearer {each.keys.token}"}
    connection.request("GET", f"/v1/recommendations/{each.keys.cluster_id}", headers=headers)
    return json.loads(connection.getresponse().read())


@contextmanager
def _serving(directory: Path, plan: Plan) -> Iterator[int]:
    engine = open_engine(f"sqlite:///{directory / 'http.db'}")
    migrate(engine)
    service = Service(
        engine=engine,
        signer=load_signer(directory / "signing-key.pem"),
        log=Log("json", StringIO()),
        settings=Settings(simulation=True),
        today=lambda: plan.last + timedelta(days=1),
    )
    address = Address(port=0, behind_proxy=True)
    try:
        with listening(address) as listener:
            server = prepared(service, address, listener)
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
            thread.start()
            try:
                while not server.started and thread.is_alive():
                    time.sleep(0.005)
                yield listener.getsockname()[1]
            finally:
                server.should_exit = True
                thread.join(timeout=60)
    finally:
        engine.dispose()
