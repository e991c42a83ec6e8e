"""``harness cost``: what TLB maintenance costs, before and after a patch."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.check.cost_comparison import CostComparison
from harness.check.costing import measure
from harness.commands.outcome import Outcome
from harness.cost.parameters import read_parameters
from harness.errors import PatchError
from harness.report.cost_json import cost_json
from harness.report.cost_svg import cost_svg
from harness.report.cost_text import cost_text
from harness.series import Patch, choose_base, read_patch
from reference_model.profiles import ARCHITECTURE_PROFILES

__all__ = ["add_arguments", "run"]

_FORMATS = {"text": cost_text, "json": cost_json, "svg": cost_svg}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "patch", nargs="?", metavar="PATCH", help="a file with a diff or mail"
    )
    parser.add_argument(
        "--tree", type=Path, metavar="DIR", help="the Xen tree, as for check"
    )
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
    patch = _patch(arguments.patch)
    tree = choose_base(arguments.tree, Path.cwd(), patch)
    profiles = tuple(ARCHITECTURE_PROFILES)
    progress = arguments.progress
    patched = measure(tree, patch, profiles, progress)
    base = measure(tree, None, profiles, progress) if patch is not None else None
    comparison = CostComparison(
        patch.subject or patch.name if patch is not None else "",
        f"Xen {tree.version}",
        profiles,
        base,
        patched,
        parameters,
    )
    return Outcome(_FORMATS[arguments.format](comparison))


def _patch(name: str | None) -> Patch | None:
    if name is None:
        return None
    try:
        return read_patch(Path(name).read_bytes(), name)
    except OSError as error:
        raise PatchError(f"cannot read patch '{name}': {error.strerror}") from error
