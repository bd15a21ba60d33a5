"""Frames out of a stream: cut anywhere, with anything between them, no sound frame is lost."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.hj212.frame import FRAME_READ, build_frame
from pipelines.hj212.stream import EndlessError, Found, Splitter

SEGMENT = st.text("QN=;CP&#0123456789", max_size=30).map(str.encode)
frames = SEGMENT.map(build_frame)
noise = st.binary(max_size=20).map(lambda content: content.replace(b"\n", b"").replace(b"##", b"# ") + b"\r\n")


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    """The stream in the pieces it arrives in."""
    bounds = sorted({0, len(stream), *(place % (len(stream) + 1) for place in places)})
    return [stream[a:b] for a, b in pairwise(bounds)]


def found_in(pieces: list[bytes]) -> list[Found]:
    """All that a splitter finds in pieces."""
    splitter = Splitter()
    return [found for piece in pieces for found in splitter.feed(piece)]


@given(
    st.lists(st.tuples(st.sampled_from(["frame", "noise", "lying", "lost end"]), frames, noise)),
    st.lists(st.integers(0)),
)
def test_no_sound_frame_is_lost(parts: list[tuple[str, bytes, bytes]], places: list[int]) -> None:
    """Noise, lying lengths and lost ends spoil only what stands on their own line."""
    stream, sound = b"", []
    for kind, frame, between in parts:
        stream += {"frame": frame, "noise": between, "lying": b"##9999" + frame[6:], "lost end": frame[:-2]}[kind]
        if kind == "frame":
            sound.append(frame)
    found = [one.content for one in found_in(cut(stream, places)) if one.kind == "frame"]
    assert found == sound


@given(st.binary(max_size=200), st.lists(st.integers(0)))
def test_what_is_found_does_not_depend_on_the_pieces(stream: bytes, places: list[int]) -> None:
    """Any bytes, cut anywhere."""
    assert found_in(cut(stream, places)) == found_in([stream])


def test_damage_and_noise_are_told_apart() -> None:
    """What begins as a frame does is damaged; the rest was never meant as one."""
    frame = build_frame(b"MN=A1;CP=&&&&")
    found = found_in([b"GET / HTTP/1.1\r\n\r\n", b"##0003abc0000\r\n", b"xx" + frame])
    assert [(one.kind, one.content) for one in found] == [
        ("noise", b"GET / HTTP/1.1\r\n"),
        ("damaged", b"##0003abc0000\r\n"),
        ("noise", b"xx"),
        ("frame", frame),
    ]


def test_endless_bytes_are_an_error() -> None:
    """Byte by byte up to the longest frame and one beyond."""
    splitter = Splitter()
    assert not [found for _ in range(FRAME_READ) for found in splitter.feed(b"x")]
    with pytest.raises(EndlessError, match="without CR LF"):
        list(splitter.feed(b"x"))


def test_a_line_of_beginnings_costs_no_more_than_a_few_sums() -> None:
    """Thousands of beginnings on one line are not all tried."""
    line = b"".join(b"##%04d" % (FRAME_READ - 6 * n - 12 - 6) for n in range(1, FRAME_READ // 6))[: FRAME_READ - 2]
    assert [one.kind for one in found_in([line + b"\r\n"])] == ["damaged"]
