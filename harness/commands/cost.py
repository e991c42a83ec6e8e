"""``harness cost``: what TLB maintenance costs, before and after a patch."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.check.intake import opened
from harness.check.performance.cost_comparison import CostComparison
from harness.check.performance.costing import measure
from harness.check.request import CheckRequest
from harness.commands.outcome import Outcome
from harness.commands.patch_argument import add_base, add_patch, add_tree, with_patch
from harness.cost.parameters import read_parameters
from harness.errors import UsageError
from harness.report.cost.cost_json import cost_json
from harness.report.cost.cost_svg import cost_svg
from harness.report.cost.cost_text import cost_text
from harness.series import stacked
from reference_model.profiles import ARCHITECTURE_PROFILES

__all__ = ["add_arguments", "run"]

_FORMATS = {"text": cost_text, "json": cost_json, "svg": cost_svg}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_patch(parser)
    add_tree(parser)
    add_base(parser)
    parser.add_argument(
        "--parameter",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="set a parameter of the model, as nv-ipas2=25us",
    )
    parser.add_argument(
        "--format", choices=tuple(_FORMATS), default="text", help="default: text"
    )


def run(arguments: argparse.Namespace) -> Outcome:
    """Execute the operations on both trees and return the report."""
    parameters = read_parameters(arguments.parameter)
    profiles = tuple(ARCHITECTURE_PROFILES)
    progress = arguments.progress
    request = CheckRequest(None, "", arguments.tree, Path.cwd(), base=arguments.base)
    audit = arguments.patch is None
    if not audit:
        request = with_patch(arguments, request)
    with opened(request, audit=audit) as intake:
        if intake.alternatives:
            raise UsageError("several diffs that do not stand on one another: give one")
        with stacked(intake.base.tree, intake.patches) as views:
            patched = measure(views[-1], profiles, progress)
            base = None if audit else measure(views[0], profiles, progress)
        names = [patch.subject or patch.name for patch in intake.patches]
        comparison = CostComparison(
            ", ".join(names),
            f"Xen {intake.base.tree.version}",
            profiles,
            base,
            patched,
            parameters,
        )
    return Outcome(_FORMATS[arguments.format](comparison))
