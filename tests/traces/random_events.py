"""Random events of every class, and headers."""

from __future__ import annotations

from dataclasses import fields
from enum import Enum
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from harness.traces.event_lines import CLASSES
from harness.traces.header import FLAGS, Header
from reference_model.coordinates import Coord, Frame, Origin
from reference_model.events import Event, Repeat, Store, Zero
from reference_model.shareability import Iommu
from reference_model.start import Start

PES = 3

values = st.integers(0, (1 << 64) - 1)
texts = st.text(max_size=8)
coords = st.builds(Coord, texts, st.integers(0, 9999), st.integers(0, 99))
origins = st.builds(
    Origin,
    coords,
    texts,
    st.lists(st.builds(Frame, texts, coords), max_size=3).map(tuple),
    st.booleans(),
)


def _strategy(kind: object) -> st.SearchStrategy[Any]:
    if isinstance(kind, UnionType):
        return st.one_of(*map(_strategy, get_args(kind)))
    if get_origin(kind) is tuple:
        return st.lists(_strategy(get_args(kind)[0]), max_size=3).map(tuple)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(kind)
    plain: dict[object, st.SearchStrategy[Any]] = {
        bool: st.booleans(),
        int: values,
        str: texts,
        type(None): st.none(),
    }
    return plain[kind]


def _of(cls: type[Event], pes: st.SearchStrategy[int]) -> st.SearchStrategy[Event]:
    hints = get_type_hints(cls)
    names = [f.name for f in fields(cls) if f.name not in ("pe", "origin")]
    given = {name: _strategy(hints[name]) for name in names}
    if "size" in given:
        given["size"] = st.integers(0, 1 << 30)
    if cls in (Store, Zero):
        given["pa"] = values.map(lambda pa: pa & ~7)
    return st.builds(cls, pe=pes, origin=st.none() | origins, **given)


def _repeats() -> st.SearchStrategy[Event]:
    single = st.integers(0, PES - 1).flatmap(
        lambda pe: st.tuples(
            st.just(pe),
            st.lists(
                st.one_of(
                    *(
                        _of(cls, st.just(pe))
                        for cls in CLASSES.values()
                        if cls is not Repeat
                    )
                ),
                max_size=3,
            ),
        )
    )
    return single.flatmap(
        lambda found: st.builds(
            Repeat,
            st.just(found[0]),
            st.just(tuple(found[1])),
            st.integers(0, 1 << 20),
            st.tuples(*(st.integers(0, 1 << 40) for _ in found[1])),
            origin=st.none() | origins,
        )
    )


events: st.SearchStrategy[Event] = st.one_of(
    *(
        _of(cls, st.integers(0, PES - 1))
        for cls in CLASSES.values()
        if cls is not Repeat
    ),
    _repeats(),
)

_words = st.integers(0, 1 << 40).map(lambda n: 8 * n)
headers = st.builds(
    Header,
    st.builds(
        Start,
        st.just(PES),
        st.dictionaries(_words, values, max_size=20),
        st.lists(st.dictionaries(texts, values, max_size=3), max_size=PES).map(tuple),
        st.just(()) | st.tuples(*(st.integers(0, 3) for _ in range(PES))),
        iommus=st.lists(
            st.builds(Iommu, values, values, st.booleans()), max_size=2
        ).map(tuple),
        **{name: st.booleans() for name in FLAGS},
    ),
    texts,
    st.lists(texts, max_size=3).map(tuple),
    st.lists(texts, max_size=3).map(tuple),
    texts,
    st.lists(st.tuples(texts, st.integers(0, 9999)), max_size=3).map(tuple),
    st.lists(texts, max_size=3).map(tuple),
    texts.filter(bool),
    texts,
)
