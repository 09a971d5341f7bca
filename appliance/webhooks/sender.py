"""One attempt: a signed POST, ten seconds for all of it, and how its answer begins."""

import threading
from collections.abc import Callable

from appliance.clock import Clock
from appliance.errors import ApplianceError
from appliance.transport.http import HttpClient, Request
from appliance.webhooks.queue import Attempt
from appliance.webhooks.signing import Secrets, headers

SECONDS = 10.0
ANSWER_BYTES = 4096
LONGEST_ANSWER = 500


class Sender:
    """`open_client` makes the client at the first attempt; it is shared by all threads."""

    def __init__(self, open_client: Callable[[], HttpClient], clock: Clock) -> None:
        self._open_client = open_client
        self._clock = clock
        self._client: HttpClient | None = None
        self._opening = threading.Lock()

    def __call__(self, url: str, event_id: str, body: bytes, held: Secrets) -> Attempt:
        """Raises nothing expected: what went wrong is in the attempt. Anything but 2xx is a failure, redirects too."""
        at = self._clock.now_ms()
        began = self._clock.monotonic()
        request = Request(
            "POST",
            url,
            headers={
                "Content-Type": "application/json",
                # The beginning of an answer is short as it is.
                "Accept-Encoding": "identity",
                **headers(event_id, at, body, held),
            },
            body=body,
            timeout=SECONDS,
            cookies=False,
        )
        try:
            client = self._opened()
            response = client.send(request)
            # Receivers need no memory here, and theirs would grow with each of their answers.
            client.clear_cookies()
        except ApplianceError as failure:
            return Attempt(at, self._since(began), None, _why(failure))
        taken = 200 <= response.status < 300
        error = None if taken else _said(response.status)
        return Attempt(
            at, self._since(began), response.status, error, response.text(LONGEST_ANSWER).replace("\0", "")
        )

    def _opened(self) -> HttpClient:
        with self._opening:
            if self._client is None:
                self._client = self._open_client()
            return self._client

    def _since(self, began: float) -> int:
        return round((self._clock.monotonic() - began) * 1000)


def _why(failure: ApplianceError) -> str:
    # The message of this stage gives advice for sources.
    if failure.details.get("stage") == "read":
        return f"No complete answer within {SECONDS:g} s: {failure.details['cause']}."
    return failure.message


def _said(status: int) -> str:
    if 300 <= status < 400:
        return f"The receiver answered {status}; redirects are not followed. Set the address it leads to."
    return f"The receiver answered {status}."
