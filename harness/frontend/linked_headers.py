"""The headers that a build reaches through the link ``xen/include/asm``.

Up to 4.16 the headers of an architecture lie in ``xen/include/asm-arm``, and
the build makes a link to them.  An unbuilt tree has no such link, and that of
a built one would give each header a second name; so what stands in for it are
headers that include the real ones.
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["LINKED", "linked_headers"]

LINKED = "linked"  # the directory for them; to be searched before any of the tree
_DIRECTORY = "xen/include/asm-arm"


def linked_headers(source_root: Path) -> dict[str, str]:
    """Return the text of each header below ``asm/``, by name; none from 4.17 on."""
    top = os.path.join(source_root, _DIRECTORY)
    headers = {}
    for directory, below, names in os.walk(top):
        below.sort()
        for name in sorted(names):
            path = os.path.join(directory, name)
            if name.endswith(".h") and '"' not in path and "\n" not in path:
                headers[f"asm/{os.path.relpath(path, top)}"] = f'#include "{path}"\n'
    return headers
