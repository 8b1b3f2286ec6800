"""What the service is asked besides taking reports: consent, deletion, advice, baselines, receipts."""

import re

from agent.delivery.answers import Failure, Reply, is_token
from agent.delivery.send import Client

# Baselines are histograms of some hundred cells for each metric.
_LARGEST_ANSWER_BYTES = 4 * 1024**2
_CLUSTER_ID = re.compile(r"[a-z2-7]{26}")


class ServiceCalls:
    """The small calls, by the rules of `Client.request`: each returns the answer, or why there is none."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def tell_consent(self, document: bytes) -> Reply | Failure:
        """Tell the service what is consented to, or that nothing is any more; `document` is JSON."""
        json = {"Content-Type": "application/json"}
        return self._client.request("POST", "/v1/consent", anonymous=False, body=document, extra=json)

    def delete_data(self, cluster_id: str) -> Reply | Failure:
        """Ask for the deletion of all that came from this cluster."""
        return self._client.request("DELETE", f"/v1/data/{_checked(cluster_id)}", anonymous=False)

    def recommendations(self, cluster_id: str) -> Reply | Failure:
        """Fetch what the service recommends to this cluster."""
        path = f"/v1/recommendations/{_checked(cluster_id)}"
        return self._client.request("GET", path, anonymous=False, largest_bytes=_LARGEST_ANSWER_BYTES)

    def baselines(self) -> Reply | Failure:
        """Fetch the community's baselines without saying who asks, by the same request each time."""
        # Never If-None-Match: a service that gives each client another ETag would know it again by that.
        return self._client.request("GET", "/v1/baselines", anonymous=True, largest_bytes=_LARGEST_ANSWER_BYTES)

    def receipt(self, receipt: str) -> Reply | Failure:
        """Fetch a receipt again, as the service keeps it. Raises ValueError for what can be none."""
        if not is_token(receipt):
            raise ValueError("no id of a receipt")
        return self._client.request("GET", f"/v1/receipts/{receipt}", anonymous=False)


def _checked(cluster_id: str) -> str:
    if not _CLUSTER_ID.fullmatch(cluster_id):
        raise ValueError("no cluster id: 26 characters of base32")
    return cluster_id
