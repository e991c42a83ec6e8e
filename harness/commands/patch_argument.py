"""What a command is given to look at: a patch in some form, a tree, a base."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.check.request import CheckRequest

__all__ = ["add_base", "add_config", "add_patch", "add_tree", "with_patch"]


def add_patch(parser: argparse.ArgumentParser) -> None:
    """Add the patch."""
    parser.add_argument(
        "patch",
        nargs="?",
        metavar="PATCH",
        help="a diff, mail, mailbox, review, directory of patches, commit or A..B; "
        "- or nothing for standard input",
    )


def add_tree(parser: argparse.ArgumentParser) -> None:
    """Add the tree."""
    parser.add_argument(
        "--tree",
        type=Path,
        metavar="DIR",
        help="the Xen tree, or a git repository of it, bare or not; default: the one "
        "around the working directory, else the embedded base",
    )


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add the configuration of the tree."""
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="a .config, or the directory of a build outside the tree; default: that "
        "of the tree if it was built, else its defconfig",
    )


def add_base(parser: argparse.ArgumentParser) -> None:
    """Add the base."""
    parser.add_argument(
        "--base",
        metavar="REV",
        help="the commit to check on; default: what the patch states, else the newest "
        "that holds the files it was made for, else HEAD",
    )


def with_patch(arguments: argparse.Namespace, request: CheckRequest) -> CheckRequest:
    """Return the request for the patch that the command line names."""
    from dataclasses import replace

    from harness.check.request import Form
    from harness.errors import PatchError, UsageError
    from harness.series import SERIES_LIMIT

    def given(data: bytes, name: str) -> CheckRequest:
        return replace(request, patch=data, patch_name=name)

    source: str | None = arguments.patch
    stdin: Any = arguments.stdin
    if source is None and (stdin is None or stdin.isatty()):
        raise UsageError("no patch given: name a file or a commit, or pipe one in")
    if source in (None, "-"):
        return given(stdin.buffer.read(SERIES_LIMIT + 1), "<stdin>")
    assert source is not None
    path = Path(source)
    if path.is_dir():
        return replace(request, patch_name=source, form=Form.DIRECTORY)
    try:
        with path.open("rb") as stream:
            return given(stream.read(SERIES_LIMIT + 1), source)
    except FileNotFoundError:
        return replace(request, patch_name=source, form=Form.COMMITS)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise PatchError(f"cannot read patch '{source}': {why}") from error
