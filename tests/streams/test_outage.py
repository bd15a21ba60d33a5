"""Waiting for a service, as seen from outside."""

from itertools import pairwise

import pytest
from prometheus_client import CollectorRegistry

from streams.outage import Answers
from streams.writers import LONGEST_PAUSE_S, jittered


def test_one_answer_does_not_hide_who_still_waits() -> None:
    """The outage lasts as long as one request waits; its age and attempts are those of the one that waits longest."""
    exposed = CollectorRegistry()
    answers = Answers("registry", exposed)
    assert exposed.get_sample_value("sitehub_registry_answering") is None
    with answers.asking() as first:
        first.failed()
        assert first.failed() == 2
        with answers.asking() as second:
            second.failed()
        found = answers.outage()
        assert found is not None
        assert found.attempts == 2
        assert exposed.get_sample_value("sitehub_registry_answering") == 0
        assert exposed.get_sample_value("sitehub_registry_attempts") == 2
    assert answers.outage() is None
    assert exposed.get_sample_value("sitehub_registry_answering") == 1


@pytest.mark.parametrize("attempts", [1, 3, 20, 10_000])
def test_pauses_never_fall_into_step(attempts: int) -> None:
    """Also the longest pauses differ from try to try, by up to half."""
    pauses = [jittered(attempts) for _ in range(50)]
    assert all(one != other for one, other in pairwise(pauses))
    assert max(pauses) <= LONGEST_PAUSE_S
    assert min(pauses) >= 0.1
