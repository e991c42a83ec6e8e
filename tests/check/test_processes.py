"""Processes that die while they analyse a part of the work."""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import replace
from multiprocessing import active_children

import pytest

from harness.check import analyses
from harness.check.pipeline import CheckRequest, check
from harness.errors import ProcessError
from harness.report.examples import example
from harness.series.base import EMBEDDED


def _kill_one() -> None:
    """Kill a child as soon as there is one."""
    while not (children := active_children()):
        time.sleep(0.01)
    os.kill(children[0].pid or 0, signal.SIGKILL)


def test_one_that_is_killed_is_an_error_with_advice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    patch, name = example("good_flush_always")
    request = CheckRequest(patch, name, None, EMBEDDED, profiles=("P0-v8.0",))
    request = replace(request, scenarios=("unmap-4k", "map-new"), jobs=2)
    # What runs here must not wait for what was killed.
    monkeypatch.setenv("HARNESS_NO_CACHE", "1")
    monkeypatch.setattr(analyses, "analyse_readable", lambda *_: {})
    killer = threading.Thread(target=_kill_one, daemon=True)
    killer.start()
    with pytest.raises(ProcessError, match=r"was killed, perhaps.*--jobs 1"):
        check(request)
    killer.join()
