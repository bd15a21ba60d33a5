"""Every fault once, in seeded order and several at once, on a real Kafka: none has an effect."""

import random
from pathlib import Path

import pytest

from infra.packages import Packages
from tests.conftest import Tell
from tests.faults.faults import ON_ONE_BROKER
from tests.faults.proof import Trace, compared
from tests.faults.soak import Plan, crashes, run


@pytest.mark.timeout(600)
def test_every_fault_once(packages: Packages, tmp_path: Path, tell: Tell) -> None:
    """Killed, frozen, cut off, unheard, overtaken, refused, poisoned, rolled out: outputs and lake are a calm run's."""
    strikes = tuple(random.Random(7).sample(list(ON_ONE_BROKER), len(ON_ONE_BROKER)))
    plan = Plan(
        seed=7,
        brokers=1,
        strikes=strikes,
        per_second=150,
        gap_s=0.5,
        devices=12,
        registry_away_s=10.0,
        with_figures=False,
    )
    soak = run(packages, tmp_path / "stage", plan, print)
    for crash in crashes(soak.ends):
        tell(crash)  # a finding of a soak, but without an effect, and told here only
    assert soak.proof.findings == ()
    assert soak.proof.landed == soak.proof.uploads == soak.proof.canonical + soak.proof.quarantined
    assert soak.proof.mappings >= 2
    assert len(soak.struck) == len(strikes)
    assert all(fault.recovery_s is not None for fault in soak.struck)


def trace(*uploads: tuple[int, bytes]) -> Trace:
    """A stream of uploads: offset and digest."""
    made = Trace()
    for offset, digest in uploads:
        made.offsets.append(offset)
        made.digests += digest * 16
    return made


def test_the_comparison_sees_every_kind_of_damage() -> None:
    """Missing, doubled, different, out of order, invented: each is named; equal streams are not."""
    calm = trace((1, b"a"), (2, b"b"), (3, b"c"))
    stream = "canonical.x", 0, "raw.y.x", 1
    cases = {
        "1 missing": trace((1, b"a"), (3, b"c")),
        "1 doubled": trace((1, b"a"), (2, b"b"), (2, b"b"), (3, b"c")),
        "1 different": trace((1, b"a"), (2, b"x"), (3, b"c")),
        "1 out of order": trace((2, b"b"), (1, b"a"), (3, b"c")),
        "1 invented": trace((1, b"a"), (2, b"b"), (3, b"c"), (4, b"d")),
    }
    for told, left in cases.items():
        assert compared({stream: calm}, {stream: left}) == [f"canonical.x-0-raw.y.x-1: {told}"]
    assert compared({stream: calm}, {stream: trace((1, b"a"), (2, b"b"), (3, b"c"))}) == []
    assert compared({stream: calm}, {}) == ["canonical.x-0-raw.y.x-1: 3 missing"]


def test_an_end_that_nobody_brought_about_is_a_finding() -> None:
    """A program may end by a signal that a fault sends, or by an exit code of its own; not by another, nor uncaught."""
    assert crashes({"landing": {0: 1, 3: 2, -9: 1}, "normaliser-0": {71: 3, -15: 1}}) == []
    assert crashes({"landing": {1: 1}, "normaliser-0": {-11: 2, 71: 1}}) == [
        "landing: ended 1 times by exit code 1",
        "normaliser-0: ended 2 times by SIGSEGV",
    ]
