"""A connector whose pages come when a test lets them: for looking at a run while it works.

It is a folder such as customers drop into `connectors_dir`. Page n is answered when the file n is in the gate.
"""

from pathlib import Path

PAGE_ROWS = 25
PAGES = 4

_CONNECTOR = """
system: gated
name: Gated
summary: Pages that wait for a test.
categories: [eam]
tier: 1
hosting: cloud
evidence: facts
free: true
form:
  - {name: gate, label: Gate}
entities:
  Asset:
    read: {protocol: code}
    key: [id]
    incremental: compare
    map: {name: name}
"""

_CODE = f"""
import json
import time
from pathlib import Path

from appliance.runtime.protocols import Page


class Reader:
    def __init__(self, source, entity, options):
        self.gate = Path(source.fields["gate"])

    def first(self):
        return {{"page": 1}}

    def fetch(self, position, since, *, resuming, sample):
        number = position["page"]
        while not sample and not (self.gate / str(number)).exists():
            time.sleep(0.02)
        first = (number - 1) * {PAGE_ROWS}
        rows = [json.dumps({{"id": n, "name": f"Pump {{n}}"}}).encode() for n in range(first, first + {PAGE_ROWS})]
        return Page(rows, {{"page": number + 1}} if number < {PAGES} else None, {PAGE_ROWS * PAGES})
"""


def write_connector(connectors_dir: Path) -> None:
    folder = connectors_dir / "gated"
    folder.mkdir(parents=True)
    (folder / "connector.yaml").write_text(_CONNECTOR)
    (folder / "code.py").write_text(_CODE)


def open_page(gate: Path, number: int) -> None:
    (gate / str(number)).touch()
