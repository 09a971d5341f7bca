"""Nothing leaves the machine but through `appliance/transport`; `appliance/server` may listen."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "appliance"

NETWORK = frozenset(
    {
        *("socket", "socketserver", "ssl", "select", "selectors", "asyncio", "xmlrpc"),
        *("http.client", "http.server", "urllib.request", "ftplib", "smtplib", "imaplib", "poplib"),
        *(
            "requests",
            "urllib3",
            "httpx",
            "aiohttp",
            "httplib2",
            "websocket",
            "websockets",
            "paramiko",
            "zeep",
        ),
        # Its Kerberos asks domain controllers by itself.
        "spnego",
        *("ldap3", "psycopg", "psycopg2", "pymssql", "pyodbc", "oracledb", "pymysql"),
        *("sqlalchemy", "smbclient", "smbprotocol"),
    }
)

# Which packages may have which of them; a path is relative to `appliance/`, a folder ends with a slash.
PERMITTED = {
    "transport/": NETWORK,
    "server/": frozenset({"socket", "select", "selectors", "http.server", "socketserver"}),
    "server/tls.py": frozenset({"ssl"}),
    "server/gunicorn.py": frozenset({"ssl"}),
    # Asks the service itself whether it answers.
    "server/liveness.py": frozenset({"ssl"}),
    # The appliance's own database, when it is PostgreSQL.
    "store/": frozenset({"psycopg"}),
}


def network_imports(source: str) -> set[str]:
    """The modules of NETWORK that `source` imports, in whatever form, at any depth of the code."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name | ast.Attribute)
            and (node.func.id if isinstance(node.func, ast.Name) else node.func.attr)
            in ("__import__", "import_module")
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            names = [str(node.args[0].value)]
        found |= {
            module for module in NETWORK for name in names if name == module or name.startswith(module + ".")
        }
    return found


def permitted(path: str) -> set[str]:
    return {
        module
        for place, modules in PERMITTED.items()
        if path == place or (place.endswith("/") and path.startswith(place))
        for module in modules
    }


def test_no_other_module_can_open_a_connection():
    offenders = []
    files = sorted(ROOT.rglob("*.py"))
    for file in files:
        path = file.relative_to(ROOT).as_posix()
        offenders += [
            f"{path} imports {module}"
            for module in sorted(network_imports(file.read_text()) - permitted(path))
        ]
    assert len(files) > 10
    assert not offenders, "send it through appliance/transport: " + "; ".join(offenders)


@pytest.mark.parametrize(
    ("source", "module"),
    [
        ("import socket", "socket"),
        ("import urllib.request as u", "urllib.request"),
        ("from urllib import request", "urllib.request"),
        ("from http.client import HTTPSConnection", "http.client"),
        ("def f():\n    from requests.adapters import HTTPAdapter", "requests"),
        ("import importlib\nimportlib.import_module('smtplib')", "smtplib"),
        ("__import__('ssl')", "ssl"),
    ],
)
def test_every_form_of_import_is_seen(source, module):
    assert network_imports(source) == {module}


@pytest.mark.parametrize(
    "source", ["import urllib.parse", "from http import HTTPStatus", "from . import socket"]
)
def test_harmless_imports_pass(source):
    assert network_imports(source) == set()
