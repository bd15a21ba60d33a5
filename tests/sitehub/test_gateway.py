"""`sitehub gateway` as it is asked, and files of frames."""

from pathlib import Path

import pytest

from pipelines.hj212.frame import build_frame
from sitehub.check import check_file, format_of
from sitehub.gateway import UnknownFeedError, topics_of
from sitehub.produce import default_framing, outgoing
from tests.contract import CATALOG
from tests.pipelines.tiny import RECEIVED

FRAME = build_frame(b"ST=39;CN=2011;PW=1;MN=A1;Flag=4;CP=&&DataTime=20260303110000;LA-Rtd=58.3&&")


def test_each_port_is_a_feeds_or_a_makers() -> None:
    """By the names of their topics."""
    ports = {"jiangsu": 1, "shanxi.acme": 2}
    assert topics_of(ports, CATALOG.root) == {"raw.jiangsu.hj212": 1, "raw.shanxi.hj212.acme": 2}


@pytest.mark.parametrize(("ports", "said"), [({"guizhou": 1}, "choose one of jiangsu, shanxi"), ({}, "write for")])
def test_a_feed_without_hj212_is_told(ports: dict[str, int], said: str) -> None:
    """With the choices, and an example where there is none."""
    with pytest.raises(UnknownFeedError, match=said):
        topics_of(ports, CATALOG.root)


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_file_of_frames_is_checked_and_sent_as_it_is(end: bytes, tmp_path: Path) -> None:
    """One frame a line, whatever ends the lines; the device is the key, a damaged frame has none."""
    file = tmp_path / "first.hj212"
    file.write_bytes(FRAME.rstrip() + end + end + b"##0001" + end)
    raw = CATALOG.raw["jiangsu", "hj212"]
    good, bad = check_file(CATALOG, file, format_of(file), ("jiangsu", "hj212", None), RECEIVED)
    assert good.record is not None
    assert (good.place, good.record["noise"]) == ("line 1", 58.3)
    assert bad.fault is not None
    assert (bad.place, bad.fault["field"]) == ("line 3", "length")
    sent = list(outgoing(file, "hj212", raw, "device_code", default_framing("hj212"), 0))
    assert [(upload.key, upload.value) for upload in sent] == [(b"A1", FRAME), (None, b"##0001\r\n")]
