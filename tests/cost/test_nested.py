"""The model of KVM against what was measured and stated on the mailing list."""

from __future__ import annotations

import pytest

from harness.cost.break_even import REGIONS, nested_pages, refill_reads, region_costs
from harness.cost.classes import Classes
from harness.cost.nested import PA_BITS, Nested
from harness.cost.parameters import PARAMETERS, Parameters, read_parameters
from harness.cost.span import Span
from harness.cost.walks import combined_reads, stage2_reads
from harness.errors import UsageError

DEFAULT = Parameters()


def test_48_bits_cost_256_times_as_much_as_40() -> None:
    large, small = Nested(DEFAULT, 48), Nested(DEFAULT, 40)
    assert (large.chunks, small.chunks) == (262_144, 1024)
    assert large.full.typical / small.full.typical == pytest.approx(256)


def test_a_domu_of_128_mib_takes_about_200_minutes() -> None:
    unmaps = DEFAULT.value("domu-unmaps").typical
    seconds = Nested(DEFAULT, 48).of(Classes(full=1)).times(unmaps).typical
    assert 150 < seconds / 60 < 250


def test_one_flush_costs_what_was_measured() -> None:
    full = Nested(DEFAULT, 48).full
    assert (full.low, full.high) == pytest.approx((1.46, 9.50))
    assert full.typical / Nested(DEFAULT, 48).ipa.typical == pytest.approx(70_000)


def test_the_break_even_is_where_both_cost_the_same() -> None:
    for bits in PA_BITS:
        nested = Nested(DEFAULT, bits)
        pages = nested_pages(nested).typical
        assert nested.ipa.times(pages).typical == pytest.approx(nested.full.typical)
    assert nested_pages(Nested(DEFAULT, 48)).typical == pytest.approx(70_000)


def test_the_bounds_of_a_quotient_are_the_widest() -> None:
    assert Span(2, 4, 8).over(Span(1, 2, 4)) == Span(0.5, 2, 8)


def test_local_and_broadcast_forms_cost_the_same() -> None:
    nested = Nested(DEFAULT, 44)
    local, broadcast = Classes(full=1, local=1), Classes(full=1, broadcast=1)
    assert nested.of(local) == nested.of(broadcast)


def test_every_class_has_a_cost() -> None:
    nested = Nested(DEFAULT, 40)
    for name in ("every", "full", "ipa", "range", "stage1", "el2"):
        assert nested.of(Classes(**{name: 1})).low > 0, name


def test_a_range_pays_for_each_gib_begun() -> None:
    nested = Nested(DEFAULT, 48)
    assert nested.range(4096) == nested.range(1 << 30) == nested.ipa
    chunk = DEFAULT.value("nv-chunk").typical
    more = nested.range((1 << 31) + 1).typical - nested.ipa.typical
    assert more == pytest.approx(2 * chunk)


def test_each_way_wins_somewhere() -> None:
    winners = set()
    for bits in PA_BITS:
        for size in REGIONS:
            costs = region_costs(Nested(DEFAULT, bits), size)
            winners.add(min(("per page", "full"), key=lambda n: costs[n].typical))
    assert winners == {"per page", "full"}


def test_reads_of_a_walk() -> None:
    # Four levels over four: the 24 reads of the textbooks.
    assert combined_reads(4, 4) == 24
    assert (stage2_reads(0), stage2_reads(1)) == (4, 3)
    assert refill_reads(1280, 19) == 24_320


# ---------------------------------------------------------------- parameters


def test_every_parameter_has_a_source() -> None:
    for parameter in PARAMETERS.values():
        assert len(parameter.source) > 10
        if parameter.value is not None:
            assert 0 < parameter.value.low <= parameter.value.typical
            assert parameter.value.typical <= parameter.value.high


def test_a_parameter_can_be_set() -> None:
    given = read_parameters(["nv-ipas2=50us", "domu-unmaps=100"])
    assert given.value("nv-ipas2") == pytest.approx(Span.exactly(50e-6))
    assert given["nv-ipas2"].source == "set by --parameter"
    assert given.value("domu-unmaps").typical == 100
    assert given.value("nv-chunk") == DEFAULT.value("nv-chunk")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("nonsense=1", "no cost parameter 'nonsense': there are nv-chunk"),
        ("nv-ipas2=50", "is a time as '20us', not '50'"),
        ("nv-ipas2", "is a time as '20us', not ''"),
        ("nv-ipas2=0us", "must be above 0"),
        ("nv-ipas2=-3us", "not '-3us'"),
        ("domu-unmaps=3us", "is a plain number, not '3us'"),
        ("domu-unmaps=" + "9" * 400, "is a plain number"),
    ],
)
def test_a_bad_parameter_is_refused(text: str, part: str) -> None:
    with pytest.raises(UsageError, match=r".") as error:
        read_parameters([text])
    assert part in str(error.value)


def test_what_has_no_value_cannot_be_used() -> None:
    with pytest.raises(UsageError, match="'dvm' has no value: set --parameter"):
        DEFAULT.value("dvm")
