"""Targets: code bases that the harness knows how to run, and their scenarios."""

from harness.targets.features import ProfileInputs
from harness.targets.physical import PES
from harness.targets.run import Facts, Run, facts_of
from harness.targets.scenarios import Scenario
from harness.targets.stage2 import Mismatch
from harness.targets.xen_arm64 import Code, LoadedTarget, TreeView, XenArm64

__all__ = [
    "PES",
    "TARGET",
    "TARGETS",
    "Code",
    "Facts",
    "LoadedTarget",
    "Mismatch",
    "ProfileInputs",
    "Run",
    "Scenario",
    "TreeView",
    "XenArm64",
    "facts_of",
]

TARGET = XenArm64()
TARGETS: dict[str, XenArm64] = {TARGET.name: TARGET}
