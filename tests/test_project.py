"""The repository itself: what lies where, what no file may say, and that the pinned requirements are current."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from appliance.server.supervisor import STOP_SECONDS
from appliance.vault.sources import CREDENTIAL_NAME

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
UNIT = ROOT / "systemd" / "appliance.service"

TOP_LEVEL = {
    *(".ci", "appliance", "clients", "config", "docs", "installer", "systemd", "tests"),
    *(".gitignore", "CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml"),
    *("requirements.lock", "requirements-runtime.lock"),
}

# The patterns are written so that none of them matches this file.
FORBIDDEN = {
    "a path of one machine": r"(?<![\w.}>)])/(?:wor[k]|roo[t]|hom[e]/\w+)(?![\w-])",
    "the host of a package registry": r"pyp[i]\.org|pythonhoste[d]\.org|npmj[s]\.(?:org|com)|debia[n]\.org",
    "unfinished work": r"\b(?:TOD[O]|FIXM[E]|XX[X])\b",
    "a private key": r"-----BEGI[N] (?:\w+ )?PRIVATE KEY",
}


def tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return [name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def pinned(file: str) -> dict[str, str]:
    """Name to version. Every line of the lock belongs to a pinned, hashed package."""
    found: dict[str, str] = {}
    for entry in re.split(r"\n(?=\S)", (ROOT / file).read_text("utf-8").strip()):
        if entry.startswith("#"):
            continue
        pin, *hashes = entry.replace("\\", "").split()
        assert hashes, pin
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", word) for word in hashes), entry
        name, _, version = pin.partition("==")
        found[canonicalize_name(name)] = version
    return found


def assert_fits(requirements: list[str], lock: dict[str, str]) -> None:
    for written in requirements:
        requirement = Requirement(written)
        version = lock.get(canonicalize_name(requirement.name))
        assert version is not None, f"{written} is not pinned: run .ci/lock"
        assert requirement.specifier.contains(version, prereleases=True), (
            f"{written}, pinned {version}: run .ci/lock"
        )


def test_the_top_level_holds_what_the_plan_says_and_nothing_else() -> None:
    assert {name.partition("/")[0] for name in tracked()} - TOP_LEVEL == set()


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what])
    read, found = 0, []
    for name in tracked():
        content = (ROOT / name).read_bytes()
        if b"\0" in content:
            continue
        read += 1
        for number, line in enumerate(content.decode("utf-8").splitlines(), 1):
            if pattern.search(line):
                found.append(f"{name}:{number}: {line.strip()[:100]}")
    assert read > 100
    assert found == []


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("a path of one machine", "cd /wor" + "k/main"),
        ("a path of one machine", 'open("/roo' + 't/.ssh")'),
        ("a path of one machine", "/hom" + "e/anna/appliance"),
        ("the host of a package registry", "https://pyp" + "i.org/simple"),
        ("unfinished work", "# TOD" + "O: later"),
        ("a private key", "-----BEGI" + "N RSA PRIVATE KEY-----"),
    ],
)
def test_what_is_forbidden_would_be_found(what: str, line: str) -> None:
    assert re.search(FORBIDDEN[what], line)


@pytest.mark.parametrize(
    "line", ["GET /api/eam/work-orders", '"/work-orders/{key}"', "${HOME}/x", "root_path"]
)
def test_what_is_harmless_passes(line: str) -> None:
    assert not any(re.search(pattern, line) for pattern in FORBIDDEN.values())


def test_the_program_is_pinned_as_it_is_declared() -> None:
    assert_fits(PROJECT["dependencies"], pinned("requirements-runtime.lock"))


def test_the_tests_run_on_the_pinned_versions_of_the_program() -> None:
    everything, runtime = pinned("requirements.lock"), pinned("requirements-runtime.lock")
    assert_fits([*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]], everything)
    assert {name: everything.get(name) for name in runtime} == runtime


def test_the_unit_is_one_that_systemd_accepts(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd is not installed")
    # The program is not installed where the unit looks for it.
    text = re.sub(r"^(ExecStart(?:Pre)?)=\S+", r"\1=/bin/true", UNIT.read_text("utf-8"), flags=re.M)
    unit = tmp_path / "appliance.service"
    unit.write_text(text)
    done = subprocess.run([analyze, "verify", unit], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_exposes_no_more_than_1_5(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd is not installed")
    done = subprocess.run(
        [analyze, "security", "--offline=true", "--no-pager", "--threshold=15", UNIT],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-200:] + done.stderr


def test_the_unit_fits_the_program() -> None:
    text = UNIT.read_text("utf-8")
    assert f"LoadCredential={CREDENTIAL_NAME}:" in text
    (patience,) = re.findall(r"^TimeoutStopSec=(\d+)$", text, re.M)
    assert int(patience) > STOP_SECONDS
    (state,) = re.findall(r"^StateDirectory=(\S+)$", text, re.M)
    assert f'data_dir = "/var/lib/{state}"' in text
