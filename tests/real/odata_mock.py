"""SAP's own open-source OData mock server over our metadata and rows, as a server to test against.

It is npm's @sap-ux/fe-mockserver-core (Apache-2.0), installed into the test cache: SAP's own reading of
OData V2, but not a gateway. What it is lenient about is asserted in test_odata_mock_facts.py.
"""

import base64
import json
import shutil
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Self

from tests.real.cache import Unavailable, build_once, run
from tests.real.server import Server, free_port

PACKAGES = ("@sap-ux/fe-mockserver-core@1", "express@4")
FILES = Path(__file__).with_name("odata_files")
SERVICE = "API_PURCHASEORDER_PROCESS_SRV"


class ODataMock:
    """The running mock server; `service_url` is the root of SERVICE, behind basic authentication.

    Use as a context manager, or call `stop`. Raises Unavailable when node or npm is missing or the packages
    cannot be installed.
    """

    user = "INTEGRATION"
    password = "Plant-2025!"

    def __init__(self) -> None:
        modules = build_once("odata-mock-1", _install) / "node_modules"
        self._folder = Path(tempfile.mkdtemp(prefix="odata-mock-"))
        # The server keeps its rows in memory, but looks for files beside the rows: give it its own copy.
        shutil.copytree(FILES, self._folder / "files")
        self._port = free_port()
        command = ["node", str(FILES / "server.js"), str(self._port), str(self._folder / "files")]
        self._server = Server(
            [*command, self.user, self.password],
            self._port,
            self._folder / "node.log",
            {"NODE_PATH": str(modules)},
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def service_url(self) -> str:
        return f"{self.url}/sap/opu/odata/sap/{SERVICE}"

    def get(
        self, path: str, password: str | None = None, **query: str | int
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers (names in lower case) and body of GET `service_url`/`path`.

        System query options are given without their dollar sign: `top=2` is sent as `$top=2`.
        """
        options = urllib.parse.urlencode({f"${name}": value for name, value in query.items()})
        request = urllib.request.Request(f"{self.service_url}/{path}?{options}")
        proof = f"{self.user}:{self.password if password is None else password}"
        request.add_header("Authorization", "Basic " + base64.b64encode(proof.encode()).decode())
        request.add_header("Accept", "application/json")
        try:
            answer = urllib.request.urlopen(request, timeout=30)
        except urllib.error.HTTPError as refusal:
            answer = refusal
        with answer:
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return answer.status, headers, answer.read()

    def results(self, path: str, **query: str | int) -> Any:
        """The list under `d.results` of the answer; AssertionError unless the status is 200."""
        status, _, body = self.get(path, None, **query)
        assert status == 200, body
        return json.loads(body)["d"]["results"]

    def stop(self) -> None:
        self._server.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.stop()


def _install(folder: Path) -> None:
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise Unavailable(f"{program} is not installed: Node.js 20 is needed")
    try:
        run(
            ["npm", "install", "--prefix", folder, "--no-audit", "--no-fund", "--no-save", *PACKAGES],
            cwd=folder,
        )
    except RuntimeError as failure:
        raise Unavailable(f"the OData mock server could not be installed: {failure}") from failure
