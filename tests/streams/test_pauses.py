"""Asking again: more and more slowly, and not all at once."""

from itertools import islice

from streams.pauses import LONGEST_S, pauses


def test_pauses_grow_up_to_the_longest_and_lie_between_half_of_it_and_the_whole() -> None:
    """At once at first, half a second after a while."""
    wholes = [0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, LONGEST_S, LONGEST_S, LONGEST_S]
    for paused, whole in zip(pauses(0.002), wholes, strict=False):
        assert whole / 2 <= paused <= whole


def test_lanes_that_one_outage_stopped_do_not_ask_at_the_same_moments() -> None:
    """A broker that comes back is not asked by hundreds of lanes in step."""
    assert len({tuple(islice(pauses(0.002), 11)) for _ in range(100)}) == 100
