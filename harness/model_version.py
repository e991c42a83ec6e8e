"""Which reference model a result rests on."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources

import harness

__all__ = ["model_version"]


@cache
def model_version() -> str:
    """Return the version, with a digest of the model's own source.

    Two results can be compared only if this is equal.
    """
    digest = hashlib.sha256()
    files = (f for f in resources.files("reference_model").iterdir())
    for file in sorted(files, key=lambda f: f.name):
        if file.name.endswith(".py"):
            digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return f"{harness.__version__}+{digest.hexdigest()[:12]}"
