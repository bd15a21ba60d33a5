"""Topic and subject names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.names import RawTopic, canonical_topic, parse_raw_topic, quarantine_topic, raw_topic, subject_of

SEGMENTS = st.from_regex(r"[a-z0-9]{1,5}(-[a-z0-9]{1,5}){0,2}", fullmatch=True)


@given(SEGMENTS, SEGMENTS, st.none() | SEGMENTS)
def test_a_raw_topic_is_read_as_it_was_written(province: str, kind: str, vendor: str | None) -> None:
    """Whatever the parts, parsing a raw topic's name gives them back."""
    assert parse_raw_topic(raw_topic(province, kind, vendor)) == RawTopic(province, kind, vendor)


def test_vendor_topics_share_the_subject_of_their_kind() -> None:
    """A vendor topic has no subject of its own: one schema serves all vendors of a province."""
    assert subject_of("raw.jiangsu.dust-reading.zhuzhi") == subject_of("raw.jiangsu.dust-reading")
    assert subject_of("raw.jiangsu.dust-reading") == "raw.jiangsu.dust-reading-value"
    assert subject_of("canonical.dust-reading") == "canonical.dust-reading-value"


def test_the_other_topics_are_named_after_kind_and_province() -> None:
    """Canonical topics carry the kind, quarantine topics the feed."""
    assert (canonical_topic("device"), quarantine_topic("shanxi")) == ("canonical.device", "quarantine.shanxi")


@pytest.mark.parametrize(
    "name",
    ["raw.jiangsu", "raw.Jiangsu.device", "raw.jiangsu.dust_reading", "canonical.device", "raw.a.b.c.d", "raw..b"],
)
def test_what_is_no_raw_topic_is_refused(name: str) -> None:
    """A name of another form is an error that tells the form."""
    with pytest.raises(ValueError, match=r"raw\.<province>\.<kind>"):
        parse_raw_topic(name)


def test_a_part_that_cannot_stand_in_a_name_is_refused() -> None:
    """Dots and capitals would make another topic of it."""
    with pytest.raises(ValueError, match="lower-case"):
        raw_topic("jiang.su", "device")
