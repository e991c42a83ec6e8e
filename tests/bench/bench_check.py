"""Time and memory of a check on a real tree, cold and again.

Run by hand:

    python tests/bench/bench_check.py PATCH TREE

Prints wall time and peak memory of two runs of ``harness check`` on all
profiles, the second with what the first has kept.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time


def _run(patch: str, tree: str, cache: str) -> tuple[float, int]:
    """Return seconds, and the largest resident set of any process in KiB."""
    environment = {**os.environ, "XDG_CACHE_HOME": cache}
    started = time.monotonic()
    result = subprocess.run(
        [sys.executable, "-m", "harness", "check", patch, "--tree", tree, "-q"],
        env=environment,
        stdout=subprocess.DEVNULL,
        check=False,
    )
    if result.returncode not in (0, 1):
        raise SystemExit(f"harness check failed with {result.returncode}")
    seconds = time.monotonic() - started
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


def main() -> None:
    """Measure and print."""
    patch, tree = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as cache:
        for name in ("cold", "again"):
            seconds, peak = _run(patch, tree, cache)
            print(f"{name:<6} {seconds:6.1f} s  {peak / 1024:6.0f} MiB peak")


if __name__ == "__main__":
    main()
