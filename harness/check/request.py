"""What the user asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import UsageError
from harness.series.base import EMBEDDED
from reference_model.assumptions import Assumptions
from reference_model.cores import PROFILES
from reference_model.profiles import AARCH32_PROFILES, ARCHITECTURE_PROFILES

if TYPE_CHECKING:
    from harness.check.tree_analysis import TreeAnalysis

__all__ = ["CheckRequest", "Done", "Form"]


class Form(Enum):
    """What a patch is given as."""

    TEXT = "text"  # diff, mail, mailbox or review: its bytes
    DIRECTORY = "directory"  # of mails: its name
    COMMITS = "commits"  # one, or A..B: their name
    SNIPPET = "snippet"  # C to put into the tree: its bytes


@dataclass(frozen=True, slots=True)
class Done:
    """What the parts of a check have analysed together, by the keys of ``plan``."""

    plan: tuple[str, ...]
    analyses: Mapping[str, TreeAnalysis]


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """What the user asked for; ``scenarios`` None means all of them.

    ``patch_name`` is the name of what is not given by its bytes.  ``base`` is
    a revision, ``config`` the configuration of a build.  ``profiles`` are full
    names: a core with unknown values has several.  ``repairs`` asks for diffs
    that mend what is found, ``savings`` for what could be spared.
    """

    patch: bytes | None
    patch_name: str
    tree: Path | None
    cwd: Path
    profiles: tuple[str, ...] = (*ARCHITECTURE_PROFILES, *AARCH32_PROFILES)
    scenarios: tuple[str, ...] | None = None
    jobs: int | None = None
    progress: Callable[[str], None] | None = None
    embedded: Path = field(default=EMBEDDED)
    assumptions: Assumptions = field(default_factory=Assumptions)
    form: Form = Form.TEXT
    base: str | None = None
    config: Path | None = None
    done: Done | None = None  # by several machines
    repairs: bool = False
    savings: bool = True

    def refuse_unknown_profiles(self) -> None:
        """Check that all profiles exist."""
        for name in self.profiles:
            if name not in PROFILES:
                raise UsageError(f"no profile '{name}': 'harness profiles' lists them")
