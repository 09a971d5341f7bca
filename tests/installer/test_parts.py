"""The list of parts: every part once, each with a license that somebody has looked at."""

import json
from pathlib import Path

import pytest

from installer.parts import native_parts, write_licenses, write_sbom

TOLD = dict.fromkeys(
    [
        *("python", "openssl", "cryptography_openssl", "sqlcipher_openssl", "sqlcipher", "sqlcipher_sqlite"),
        *("sqlite", "libpq", "libxml2", "libxslt", "pyinstaller"),
    ],
    "1.2.3",
) | {"python_corrections": ""}
BUILD = {"version": "9.8.7"}


def library(program: Path, path: str) -> None:
    file = program / "_internal" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"\x7fELF")


def test_libraries_inside_of_wheels_are_parts_with_their_version_and_license(tmp_path: Path) -> None:
    library(tmp_path, "pymssql.libs/libssl-7f59e8e2.so.1.1.1k")
    library(tmp_path, "libssl.so.3")
    found = {part["bom-ref"]: part for part in native_parts(tmp_path, TOLD)}
    old = found["native:_internal/pymssql.libs/libssl-7f59e8e2.so.1.1.1k"]
    assert (old["name"], old["version"], old["licenses"]) == (
        "libssl",
        "1.1.1k",
        [{"license": {"name": "OpenSSL"}}],
    )
    assert found["native:_internal/libssl.so.3"]["licenses"] == [{"license": {"name": "Apache-2.0"}}]
    assert found["native:SQLCipher:1.2.3"]["purl"] == "pkg:generic/sqlcipher@1.2.3"


def test_corrections_of_the_interpreter_are_told_with_what_they_mend(tmp_path: Path) -> None:
    told = {**TOLD, "python_corrections": "CVE-2025-8194.patch\nshutdown-deadlock.diff\n"}
    python = native_parts(tmp_path, told)[0]
    mended = [one["resolves"][0] for one in python["pedigree"]["patches"]]
    assert mended == [
        {"type": "security", "id": "CVE-2025-8194"},
        {"type": "defect", "name": "shutdown-deadlock.diff"},
    ]
    assert "pedigree" not in native_parts(tmp_path, TOLD)[0]


def test_a_library_that_nobody_has_looked_at_stops_the_build(tmp_path: Path) -> None:
    library(tmp_path, "libreadline.so.8")
    with pytest.raises(ValueError, match=r"libreadline\.so\.8"):
        native_parts(tmp_path, TOLD)


def listed(*components: dict[str, object]) -> str:
    return json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": components})


def test_the_list_is_of_the_appliance_and_names_no_tool_of_the_build(tmp_path: Path) -> None:
    flask = {"name": "flask", "bom-ref": "flask", "licenses": [{"license": {"id": "BSD-3-Clause"}}]}
    pip = {"name": "pip", "bom-ref": "pip"}
    write_sbom(listed(flask, pip), BUILD, native_parts(tmp_path, TOLD), tmp_path / "sbom.json")
    document = json.loads((tmp_path / "sbom.json").read_text())
    assert document["metadata"]["component"]["version"] == "9.8.7"
    names = [part["name"] for part in document["components"]]
    assert "flask" in names
    assert "CPython" in names
    assert "pip" not in names
    references = [part["bom-ref"] for part in document["components"]]
    assert len(references) == len(set(references))


def test_a_distribution_without_a_license_stops_the_build(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="stranger declares no license"):
        write_sbom(listed({"name": "stranger", "bom-ref": "s"}), BUILD, [], tmp_path / "sbom.json")


def test_license_files_are_copied_and_what_has_none_says_what_it_declares(tmp_path: Path) -> None:
    for name, files in {
        "one-1.0.dist-info": {"licenses/LICENSE.txt": "free", "METADATA": "Name: one\n"},
        "two-2.0.dist-info": {"METADATA": "Name: two\nLicense-Expression: MIT\n"},
    }.items():
        for file, text in files.items():
            path = tmp_path / "packages" / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    tools = tmp_path / "tools"
    for name in ("pyinstaller-6.0.dist-info", "builder-1.0.dist-info"):
        (tools / name).mkdir(parents=True)
        (tools / name / "COPYING.txt").write_text("with an exception")
    write_licenses(tmp_path / "packages", tools, "of Python", tmp_path / "licenses")
    assert (tmp_path / "licenses/CPython/LICENSE.txt").read_text() == "of Python"
    assert (tmp_path / "licenses/pyinstaller-6.0/COPYING.txt").is_file()
    assert not (tmp_path / "licenses/builder-1.0").exists()
    assert (tmp_path / "licenses/one-1.0/licenses-LICENSE.txt").read_text() == "free"
    assert (tmp_path / "licenses/two-2.0/DECLARED.txt").read_text() == "License-Expression: MIT\n"
