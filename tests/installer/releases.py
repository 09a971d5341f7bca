"""Three packed releases of this source tree, for the life on a machine (life.py): by hand, it takes minutes.

    python tests/installer/releases.py OUT [--root ROOT]

OUT/first is the tree as it is committed; OUT/next has a higher version, one more migration and another unit; OUT/faulty
works on copies and ends at once under systemd. All are signed by one key. ROOT is what `installer/make_root.sh` makes.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from appliance import __version__
from appliance.operations.upgrades.versions import Version
from appliance.store.migrations import scripts
from tests.support.releases import MIGRATION

SOURCE = Path(__file__).parents[2]
KEY = "release.key"
FAULT = """
import os
if "serve" in sys.argv and "NOTIFY_SOCKET" in os.environ:
    sys.exit("a library is missing")
"""


def main() -> int:
    parser = argparse.ArgumentParser(description="Pack three releases.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--root", type=Path)
    arguments = parser.parse_args()
    out: Path = arguments.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    key = out / KEY
    if not key.exists():
        run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
    kinds: dict[str, Callable[[Path], None]] = {
        "first": lambda tree: None,
        "next": lambda tree: change(tree, 1, "of the next release"),
        "faulty": lambda tree: change(tree, 2, "of the faulty release", FAULT),
    }
    for name, prepare in kinds.items():
        with tempfile.TemporaryDirectory(prefix="appliance-release-") as folder:
            tree = Path(folder) / "source"
            run("git", "clone", "--quiet", SOURCE, tree)
            prepare(tree)
            build = Path(folder) / "build"
            root = () if arguments.root is None else ("--root", arguments.root.resolve())
            run(sys.executable, tree / "installer/build.py", "--out", build, *root)
            run(
                sys.executable,
                tree / "installer/bundle.py",
                "--key",
                key,
                "--build",
                build,
                "--out",
                out / name,
            )
    return 0


def change(tree: Path, minor: int, what: str, fault: str = "") -> None:
    """Another minor version with a migration, a unit of its own and, at its start, `fault`."""
    present = Version.read(__version__)
    replace(tree / "appliance/__init__.py", __version__, str(present._replace(minor=present.minor + minor)))
    (tree / "appliance/store/migrations" / f"{max(scripts()) + 1:04}_later.sql").write_text(MIGRATION)
    replace(
        tree / "systemd/appliance.service",
        "Description=Integration appliance",
        f"Description=Appliance, {what}",
    )
    if fault:
        replace(tree / "appliance/__main__.py", "\n\ndef main(", f"{fault}\n\ndef main(")
    identity = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    run("git", "-C", tree, "add", "--all")
    run("git", "-C", tree, *identity, "commit", "--quiet", "-m", what)


def replace(file: Path, old: str, new: str) -> None:
    text, count = re.subn(re.escape(old), lambda _: new, file.read_text("utf-8"), count=1)
    assert count == 1, f"{file} has no {old!r}"
    file.write_text(text, "utf-8")


def run(*words: str | Path) -> None:
    subprocess.run(list(map(str, words)), check=True)


if __name__ == "__main__":
    sys.exit(main())
