"""Targets: code bases that the harness knows how to run, and their scenarios."""

from harness.targets.coverage import Way
from harness.targets.features import ProfileInputs
from harness.targets.physical import PES
from harness.targets.platform import ARM32_PLATFORM
from harness.targets.run import Facts, Run, facts_of
from harness.targets.scenarios import Scenario
from harness.targets.seams import Seam
from harness.targets.stage2 import Mismatch
from harness.targets.xen_arm64 import Code, LoadedTarget, TreeView, XenArm64
from reference_model.profiles import Profile

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
    "Seam",
    "TreeView",
    "Way",
    "XenArm64",
    "facts_of",
    "target_of",
]

TARGET = XenArm64()
_ARM32 = XenArm64(
    name="xen-arm32-p2m",
    summary="the same in Xen for arm32",
    platform=ARM32_PLATFORM,
)
TARGETS: dict[str, XenArm64] = {target.name: target for target in (TARGET, _ARM32)}


def target_of(profile: Profile) -> XenArm64:
    """Return the target whose code runs on a machine."""
    return _ARM32 if profile.aarch32 else TARGET
