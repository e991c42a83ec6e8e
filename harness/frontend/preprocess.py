"""Run the user's C preprocessor on files of a Xen source tree.

The tree is untrusted.  The compiler only preprocesses, within bounds of time,
memory and output, with an environment of its own; the result is refused if it
took in any file from outside the tree.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import PreprocessError
from harness.frontend.architecture import ARM64, Architecture
from harness.frontend.build import Build
from harness.frontend.flags import Flags
from harness.frontend.generated_headers import (
    BUILTIN_HEADER,
    STAND_INS,
    write_generated_headers,
)
from harness.frontend.line_markers import FileNames
from harness.frontend.linked_headers import LINKED
from harness.frontend.rules_mk import rules_macros
from reference_model.coordinates import Coord

__all__ = ["PROBE_FILE", "PROBE_PREFIX", "Preprocessed", "preprocess"]

PROBE_PREFIX = "__harness_"
PROBE_FILE = "<probes>"

_SECONDS = 10
_MEMORY_KIB = 1 << 20
_OUTPUT_BYTES = 64 << 20
_FILE_BYTES = 8 << 20
_MESSAGE_BYTES = 1 << 20

_INCLUDE_DIRECTORIES = ("xen/include", "xen/arch/arm/include")
_CONFIG_HEADER = "xen/include/xen/config.h"

# `ulimit -f` counts blocks of 512 bytes.
_LIMITED = (
    f"ulimit -v {_MEMORY_KIB}; ulimit -t {_SECONDS}; "
    f'ulimit -f {_OUTPUT_BYTES // 512}; exec "$@"'
)

_ERROR_LINE = re.compile(
    r"^(?P<file>[^:\n]+):(?P<line>\d+)(?::(?P<column>\d+))?: "
    r"(?:fatal )?error: (?P<message>.*)$",
    re.MULTILINE,
)
_EMBED = re.compile(
    r"^[ \t]*(?:#|%:|\?\?=)(?:[ \t]|\\\n|/\*.*?\*/)*embed\b", re.MULTILINE | re.DOTALL
)
_NAME = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Preprocessed:
    """Preprocessed text, and the files it came from, relative to the tree."""

    text: str
    files: tuple[str, ...]
    inputs: tuple[str, ...] = ()  # files that decide what generated headers hold


def preprocess(
    source_root: Path,
    sources: Sequence[str],
    *,
    generated: Path,
    roots: Sequence[Path] = (),
    probes: Sequence[str] = (),
    architecture: Architecture = ARM64,
    build: Build | None = None,
) -> Preprocessed:
    """Preprocess ``sources`` of the tree at ``source_root`` as one unit.

    ``generated`` is a directory of the caller for headers that a build would
    make.  ``roots`` are further directories that files may really lie in, for
    a tree made of symbolic links.  The value of each macro in ``probes`` comes
    out as enumerator ``__harness_NAME`` where the macro is defined.  Without a
    ``build``, the tree is taken as never built.
    """
    build = build or Build()
    source_root = Path(os.path.abspath(source_root))
    generated = Path(os.path.abspath(generated))
    generated.mkdir(parents=True, exist_ok=True)
    for name in sources:
        if not (source_root / name).is_file():
            raise PreprocessError(f"no file '{name}' in the tree")
    inputs = write_generated_headers(source_root, generated, architecture, build.config)
    names = FileNames(source_root, generated, roots)
    unit = _translation_unit([source_root / name for name in sources], probes)
    macros = rules_macros(source_root, architecture.name)
    command = _command(source_root, generated, build.flags, macros)
    text = names.shorten(_run(command, unit, generated, names))
    files = tuple(f for f in names.files if not f.startswith("<"))
    _refuse_embed(source_root, files)
    return Preprocessed(text, files, inputs)


def _translation_unit(paths: Sequence[Path], probes: Sequence[str]) -> str:
    """Include the files, then turn each probed macro into an enumerator."""
    lines = [f'#include "{path}"' for path in paths]
    for name in probes:
        if _NAME.fullmatch(name) is None:
            raise PreprocessError(f"probe '{name}' is not a macro name")
        lines += [
            f"#ifdef {name}",
            f'#line 1 "{PROBE_FILE}"',
            f"enum {{ {PROBE_PREFIX}{name} = ({name}) }};",
            "#endif",
        ]
    return "\n".join(lines) + "\n"


def _command(
    source_root: Path, generated: Path, flags: Flags, macros: Sequence[str]
) -> list[str]:
    """Return the compiler's command line: Xen's flags that matter to ``-E``."""
    compiler = shlex.split(os.environ.get("CC", "")) or ["cc"]
    command = [*compiler, "-E", "-x", "c", "-undef", "-nostdinc", "-w"]
    # __FILE__ comes out as in Xen's own build, wherever the tree lies.
    command += [f"-std={flags.standard}"]
    command += [f"-fmacro-prefix-map={source_root / 'xen'}/="]
    command += ["-include", str(generated / BUILTIN_HEADER), "-D__XEN__"]
    command += [*macros, *flags.macros]
    for header in dict.fromkeys((_CONFIG_HEADER, *flags.headers)):
        command += ["-include", str(source_root / header)]
    # What stands in for headers of a build comes before those of an old one.
    command += ["-I", str(generated / STAND_INS), "-I", str(generated / LINKED)]
    for directory in dict.fromkeys((*_INCLUDE_DIRECTORIES, *flags.directories)):
        command += ["-I", str(source_root / directory)]
    return [*command, "-I", str(generated), "-"]


def _run(command: list[str], unit: str, directory: Path, names: FileNames) -> str:
    """Run the compiler on ``unit`` under limits and return what it printed."""
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "TMPDIR": str(directory),
    }
    with (
        tempfile.TemporaryFile(dir=directory) as output,
        tempfile.TemporaryFile(dir=directory) as messages,
    ):
        try:
            process = subprocess.Popen(
                ["/bin/sh", "-c", _LIMITED, "sh", *command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=messages,
                cwd=directory,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise PreprocessError(f"cannot start the compiler: {error}") from error
        try:
            process.communicate(unit.encode(), _SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise PreprocessError(
                f"the preprocessor did not finish within {_SECONDS} s"
            ) from None
        if process.returncode != 0 or output.seek(0, os.SEEK_END) >= _OUTPUT_BYTES:
            messages.seek(0)
            text = messages.read(_MESSAGE_BYTES).decode(errors="replace")
            _raise_error(command[0], text, names)
        output.seek(0)
        return output.read(_OUTPUT_BYTES).decode(errors="replace")


def _raise_error(compiler: str, messages: str, names: FileNames) -> None:
    """Report the first error of the compiler at its place in the tree."""
    match = _ERROR_LINE.search(messages)
    if match is None:
        last = (messages.strip().splitlines() or ["it exceeded a limit"])[-1]
        raise PreprocessError(f"'{compiler}' failed (is CC a C compiler?): {last}")
    file = names.short_name(match["file"])
    coord = Coord(file, int(match["line"]), int(match["column"] or 0))
    # The message may quote the file, so that of a foreign file is not shown.
    if not names.allows(match["file"]):
        raise PreprocessError(f"included file '{file}' lies outside the source tree")
    raise PreprocessError(match["message"], coord)


def _refuse_embed(source_root: Path, files: Sequence[str]) -> None:
    """Refuse ``#embed``, which takes in a file without leaving a marker."""
    for name in files:
        path = source_root / name
        if path.stat().st_size > _FILE_BYTES:
            raise PreprocessError("file too large to be source", Coord(name, 1))
        text = path.read_text(encoding="utf-8", errors="replace")
        match = _EMBED.search(text)
        if match:
            line = text.count("\n", 0, match.start()) + 1
            raise PreprocessError("#embed is not supported", Coord(name, line))
