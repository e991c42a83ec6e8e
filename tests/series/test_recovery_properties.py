"""What mailers and reviewers do to a patch never makes another patch of it."""

from __future__ import annotations

import random
from pathlib import Path

import mangling
from hypothesis import event, given, settings
from hypothesis import strategies as st

from harness.errors import PatchError
from harness.series.recovery import recover
from harness.series.recovery.quoting import squash

MANGLES = (
    mangling.comment,
    mangling.wrap,
    mangling.stuff,
    mangling.drop_leading_blanks,
    mangling.collapse_context,
    mangling.trim,
    mangling.lose_empty,
    mangling.no_break,
    mangling.join,
    mangling.snip,
)


def _words(content: bytes | None) -> list[bytes]:
    assert content is not None
    return [key for line in content.split(b"\n") if (key := squash(line))]


REPOSITORY = Path(__file__).resolve().parents[2]
P2M = (REPOSITORY / "patches" / "base" / mangling.PATH).read_text().splitlines()


@given(
    st.integers(0, 2**32),
    st.booleans(),
    st.sets(st.sampled_from(MANGLES), max_size=4),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_a_mangled_patch_is_recovered_or_refused(
    seed: int,
    real: bool,
    chosen: set[mangling.Mangle],
    in_reply: bool,
    has_index: bool,
    has_blob: bool,
) -> None:
    rng = random.Random(seed)
    old = P2M if real else mangling.source(rng, rng.randint(8, 60))
    new = mangling.edited(rng, old)
    lines = mangling.diff(old, new, index=has_index)
    if len(lines) < 5:
        return
    mangles = [mangle for mangle in MANGLES if mangle in chosen]
    for mangle in mangles:
        lines = mangle(rng, lines)
    if in_reply:
        lines = mangling.quoted(rng, lines, mangles)
    if rng.random() < 0.3:
        lines = mangling.carriage_returns(rng, lines)
    text = "\n".join(["Hi,", "", *lines, "", "Cheers,", "-- ", "Somebody", ""])
    base = mangling.image(old)
    held = mangling.Held({mangling.PATH: base}, ids=has_blob)
    try:
        series = recover(text.encode(), "mail", held)
    except PatchError as error:
        assert str(error).startswith("mail:")
        event("refused")
        return
    made = mangling.outcome(series, base)
    recovery = series.patches[-1].recovery
    assert recovery is not None
    if recovery.verified:
        event("verified")
        assert has_index
        assert made == mangling.image(new)
    else:
        event("not verifiable")
        assert recovery.uncertain
        # What was cut out without a trace cannot be missed.
        assert mangling.snip in chosen or _words(made) == _words(mangling.image(new))
