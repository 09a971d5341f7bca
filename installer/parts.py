"""What the packaged program consists of: the list of parts (SBOM) and the licenses.

The tool that lists the distributions of an environment sees no libraries inside of wheels; those are added here, with
the versions that they tell themselves.
"""

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LICENSE_FILES = re.compile(r"(?i)(licen[cs]e|copying|notice|authors)[^/]*$")

# Name in what the libraries told, name of the part, its license, its package URL without the version.
_TOLD = (
    ("python", "CPython", "PSF-2.0", "pkg:generic/python"),
    (
        "pyinstaller",
        "PyInstaller",
        "GPL-2.0-or-later WITH Bootloader-exception",
        "pkg:pypi/pyinstaller",
    ),
    ("openssl", "OpenSSL (of the interpreter)", "Apache-2.0", "pkg:generic/openssl"),
    ("cryptography_openssl", "OpenSSL (in cryptography)", "Apache-2.0", "pkg:generic/openssl"),
    ("sqlcipher_openssl", "OpenSSL (in sqlcipher3)", "Apache-2.0", "pkg:generic/openssl"),
    ("sqlcipher", "SQLCipher", "BSD-3-Clause", "pkg:generic/sqlcipher"),
    ("sqlcipher_sqlite", "SQLite (in sqlcipher3)", "blessing", "pkg:generic/sqlite"),
    ("sqlite", "SQLite (of the interpreter)", "blessing", "pkg:generic/sqlite"),
    ("libpq", "libpq (in psycopg-binary)", "PostgreSQL", "pkg:generic/libpq"),
    ("libxml2", "libxml2 (in lxml)", "MIT", "pkg:generic/libxml2"),
    ("libxslt", "libxslt (in lxml)", "MIT", "pkg:generic/libxslt"),
)
# A library that is not here stops the build: somebody has to look at its license first.
_LICENSES = {
    "libbz2": "bzip2-1.0.6",
    "libcom_err": "MIT",
    "libcrypt": "LGPL-2.1-or-later",
    "libcrypto": "OpenSSL",
    "libexpat": "MIT",
    "libffi": "MIT",
    "libgcc_s": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "libgssapi_krb5": "MIT",
    "libk5crypto": "MIT",
    "libkeyutils": "LGPL-2.1-or-later",
    "libkrb5": "MIT",
    "libkrb5support": "MIT",
    "liblber": "OLDAP-2.8",
    "libldap": "OLDAP-2.8",
    "liblzma": "0BSD",
    "libncursesw": "X11-distribute-modifications-variant",
    "libpcre": "BSD-3-Clause",
    "libpcre2": "BSD-3-Clause",
    "libpq": "PostgreSQL",
    "libsasl2": "BSD-4-Clause-UC",
    "libselinux": "libselinux-1.0",
    "libsqlite3": "blessing",
    "libssl": "OpenSSL",
    "libstdc++": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "libtinfo": "X11-distribute-modifications-variant",
    "libuuid": "BSD-3-Clause",
    "libyaml": "MIT",
    "libz": "Zlib",
}
# Distributions that name none in a form the tool reads; looked up in the license files that they bring.
_UNDECLARED = {"peewee": "MIT", "pymssql": "LGPL-2.1-or-later", "sqlcipher3": "Zlib"}
_TOOLS = {"pip", "setuptools", "wheel"}


def native_parts(program: Path, told: Mapping[str, str]) -> list[dict[str, Any]]:
    """CycloneDX components for what is no distribution: libraries that told their version, and files of others."""
    parts = [
        _component(name, told[key], license, f"{purl}@{told[key]}") for key, name, license, purl in _TOLD
    ]
    if told["python_corrections"]:
        parts[0]["pedigree"] = {"patches": [_patch(name) for name in told["python_corrections"].split()]}
    for file in sorted((program / "_internal").rglob("lib*.so*")):
        if file.is_symlink() or file.name.startswith("libpython"):
            continue
        plain = re.split(r"[-.]", file.name)[0]
        name = next((name for name in (plain, plain.rstrip("0123456789")) if name in _LICENSES), None)
        if name is None:
            raise ValueError(
                f"{file.relative_to(program)} is a library whose license is not listed in {__file__}"
            )
        # A version that a wheel's tool has left in the name: libssl-7f59e8e2.so.1.1.1k.
        version = file.name.partition(".so")[2].lstrip(".")
        license = (
            "Apache-2.0" if _LICENSES[name] == "OpenSSL" and version.startswith("3") else _LICENSES[name]
        )
        part = _component(plain, version, license, None)
        path = str(file.relative_to(program))
        part |= {"bom-ref": f"native:{path}", "properties": [{"name": "file", "value": path}]}
        parts.append(part)
    return parts


def write_sbom(listed: str, build: Mapping[str, str], native: list[dict[str, Any]], target: Path) -> None:
    """`listed` is the document of the tool, for the distributions alone. ValueError for a part without a license."""
    document = json.loads(listed)
    document.setdefault("metadata", {})["component"] = {
        "type": "application",
        "bom-ref": "appliance",
        "name": "appliance",
        "version": build["version"],
        "licenses": [{"license": {"id": "Apache-2.0"}}],
    }
    components = [one for one in document.get("components", []) if one["name"] not in _TOOLS]
    for one in components:
        if not one.get("licenses"):
            if one["name"] not in _UNDECLARED:
                raise ValueError(f"{one['name']} declares no license: look at it and name it in {__file__}")
            one["licenses"] = [{"license": {"name": _UNDECLARED[one["name"]]}}]
    document["components"] = [*components, *native]
    known = {one["bom-ref"] for one in document["components"]}
    document["dependencies"] = [
        {**one, "dependsOn": [ref for ref in one.get("dependsOn", []) if ref in known]}
        for one in document.get("dependencies", [])
        if one["ref"] in known
    ]
    target.write_text(json.dumps(document, indent=1) + "\n", "utf-8")


def write_licenses(program: Path, tools: Path, python_license: str, target: Path) -> None:
    """One folder a distribution with its license files; what it declares, where it brings none.

    `program` and `tools` are folders with installed packages; of the tools only PyInstaller is in the program, with
    the part that starts it.
    """
    shutil.rmtree(target, ignore_errors=True)
    (target / "CPython").mkdir(parents=True)
    (target / "CPython/LICENSE.txt").write_text(python_license, "utf-8")
    for folder in sorted([*program.glob("*.dist-info"), *tools.glob("pyinstaller-*.dist-info")]):
        if folder.name.split("-")[0] in _TOOLS:
            continue
        name = folder.name.removesuffix(".dist-info")
        files = [
            file for file in sorted(folder.rglob("*")) if file.is_file() and LICENSE_FILES.search(file.name)
        ]
        (target / name).mkdir(parents=True)
        for file in files:
            copied = target / name / "-".join(file.relative_to(folder).parts)
            shutil.copyfile(file, copied)
        if not files:
            declared = [
                line
                for line in (folder / "METADATA").read_text("utf-8").splitlines()
                if line.startswith(("License", "Classifier: License", "Home-page", "Project-URL"))
            ]
            (target / name / "DECLARED.txt").write_text("\n".join(declared) + "\n", "utf-8")


def _patch(name: str) -> dict[str, Any]:
    """What a correction that was applied to the source mends: `name` is that of its file."""
    number = re.match(r"CVE-\d+-\d+", name)
    mended = {"type": "defect", "name": name} if number is None else {"type": "security", "id": number[0]}
    return {"type": "backport", "resolves": [mended]}


def _component(name: str, version: str, license: str | None, purl: str | None) -> dict[str, Any]:
    part: dict[str, Any] = {
        "type": "library",
        "bom-ref": f"native:{name}:{version}",
        "name": name,
        "version": version,
    }
    if license is not None:
        part["licenses"] = [{"license": {"name": license}}]
    if purl is not None:
        part["purl"] = purl
    return part
