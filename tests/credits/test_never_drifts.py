"""Whatever is connected, disconnected, imported and configured, in whatever order: the pool never drifts."""

import base64
import json
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from appliance.app import Appliance
from appliance.credits.errors import InsufficientCredits
from appliance.settings import Settings
from tests.support.clock import ManualClock
from tests.support.priced import write_priced_connectors

KEY = Ed25519PrivateKey.generate()
PRICES = {(1, "cloud"): 1, (1, "on_premises"): 2, (2, "cloud"): 2, (2, "on_premises"): 4}
PRICES |= {(3, "cloud"): 4, (3, "on_premises"): 8}


class Pool(RuleBasedStateMachine):
    """`expected` is the pool as a child would keep it: what is granted, and what each open connection holds."""

    connections = Bundle("connections")

    @initialize(evaluation=st.integers(0, 30))
    def start(self, evaluation: int) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pool-"))
        write_priced_connectors(self.folder / "own")
        public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (self.folder / "issuer.pem").write_bytes(public)
        self.clock = ManualClock()
        self.granted, self.held, self.entitlements = evaluation, dict[str, int](), 0
        self.appliance = self._open(evaluation)

    def _open(self, evaluation: int) -> Appliance:
        return Appliance.open(
            Settings(
                data_dir=self.folder / "data",
                connectors_dir=self.folder / "own",
                credits_evaluation=evaluation,
                credits_entitlement_public_key_file=self.folder / "issuer.pem",
            ),
            self.clock,
        )

    @rule(
        target=connections,
        tier=st.integers(1, 3),
        hosting=st.sampled_from(["cloud", "on_premises"]),
    )
    def connect(self, tier: int, hosting: str) -> str | None:
        amount = PRICES[tier, hosting]
        fits = amount <= self.granted - sum(self.held.values())
        try:
            made = self.appliance.connections.connect(
                system=f"priced_{tier}", name="One", hosting=hosting, fields={"password": "x"}
            )
        except InsufficientCredits:
            assert not fits
            return None
        assert fits
        self.held[made.connection.id] = amount
        return made.connection.id

    @rule(connection_id=connections, times=st.integers(1, 3))
    def disconnect(self, connection_id: str | None, times: int) -> None:
        if connection_id is None:
            return
        returned = [self.appliance.connections.disconnect(connection_id) for _ in range(times)]
        assert returned == [self.held.pop(connection_id, 0), *[0] * (times - 1)]

    @rule(connection_id=connections)
    def reauthorize(self, connection_id: str | None) -> None:
        if connection_id in self.held:
            self.appliance.connections.reauthorize(connection_id, {"password": "y"})

    @rule(credits=st.integers(0, 40), repeated=st.booleans())
    def import_entitlement(self, credits: int, repeated: bool) -> None:
        self.clock.advance(1)
        self.entitlements += 1
        document = {
            "id": f"ENT-{self.entitlements}",
            "customer": "Plant",
            "credits": credits,
            "issued_at": (self.clock.now() - timedelta(seconds=0.5)).isoformat(),
        }
        content = json.dumps(document).encode()
        pair = {"entitlement": content, "signature": KEY.sign(content)}
        file = json.dumps({name: base64.b64encode(value).decode() for name, value in pair.items()}).encode()
        for _ in range(2 if repeated else 1):
            self.appliance.entitlements.import_file(file)
        self.granted = credits

    @rule(evaluation=st.integers(0, 30))
    def start_again_with_another_evaluation_pool(self, evaluation: int) -> None:
        self.appliance.close()
        self.appliance = self._open(evaluation)
        if not self.entitlements:
            self.granted = evaluation

    @invariant()
    def the_sums_hold(self) -> None:
        if not hasattr(self, "appliance"):
            return
        balance = self.appliance.ledger.balance()
        used = sum(self.held.values())
        assert (balance.granted, balance.used) == (self.granted, used)
        assert balance.available == max(0, self.granted - used)
        rows = self.appliance.database.rows(
            "SELECT coalesce(sum(credits), 0) AS used FROM connection WHERE status <> 'disconnected'"
        )
        assert rows[0]["used"] == used

    def teardown(self) -> None:
        if hasattr(self, "appliance"):
            self.appliance.close()
            shutil.rmtree(self.folder, ignore_errors=True)


@pytest.mark.usefixtures("quick")
class TestPool(Pool.TestCase):  # type: ignore[misc,name-defined]
    settings = settings(
        max_examples=12,
        stateful_step_count=15,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
