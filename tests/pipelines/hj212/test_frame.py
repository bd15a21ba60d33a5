"""Frames and their check sum: the standard's own example, published packets, and what is wrong told by name."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.hj212.crc import crc16, modbus_crc16, swapped
from pipelines.hj212.frame import MalformedError, build_frame, parse_frame, split_frames
from tests.pipelines.hj212.published import published

# Annex A of HJ 212-2017; the sentence after it prints 1C08, the frame 1C80.
ANNEX_A = b"QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=010000A8900016F000169DC0;Flag=5;CP=&&RtdInterval=30&&"


def refused(frame: bytes) -> tuple[str, str]:
    """Field and detail of the refusal."""
    with pytest.raises(MalformedError) as caught:
        parse_frame(frame)
    fault = caught.value.fault
    assert fault.remedy
    return fault.field or "", fault.detail


def slow_crc(segment: bytes) -> int:
    """Annex A word for word."""
    register = 0xFFFF
    for byte in segment:
        register = (register >> 8) ^ byte
        for _ in range(8):
            lowest = register & 1
            register >>= 1
            if lowest:
                register ^= 0xA001
    return register


def test_the_standards_own_example() -> None:
    """Annex A's frame, byte for byte."""
    assert build_frame(ANNEX_A) == b"##0101" + ANNEX_A + b"1C80\r\n"


def test_modbus_by_its_published_check_value() -> None:
    """The sum that is mistaken for the standard's is really CRC-16/MODBUS."""
    assert modbus_crc16(b"123456789") == 0x4B37


@given(st.binary(max_size=300))
def test_the_sum_is_that_of_annex_a(segment: bytes) -> None:
    """The table gives what the steps of annex A give."""
    assert crc16(segment) == slow_crc(segment)


@given(st.binary(max_size=1024))
def test_a_built_frame_is_read_again(segment: bytes) -> None:
    """Any data segment comes back, with the sum in either case."""
    frame = build_frame(segment)
    assert parse_frame(frame) == segment
    assert parse_frame(frame[:-6] + frame[-6:].lower()) == segment


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda tail: b"##0012" + tail + b"\r\n"))
def test_any_bytes_are_a_segment_or_a_named_fault(frame: bytes) -> None:
    """No bytes crash, and whatever is refused names its place and the remedy."""
    fault = None
    try:
        segment = parse_frame(frame)
    except MalformedError as error:
        fault = error.fault
    assert (fault.field and fault.remedy) if fault else build_frame(segment) == upper_crc(frame)


def test_published_packets_have_the_stated_verdict() -> None:
    """88 packets of others: sound, or wrong in the very place and figure that is known."""
    packets = published()
    assert len(packets) == 88
    for packet in packets:
        if packet.is_sound:
            segment = parse_frame(packet.frame)
            assert b"##%04d%b%04X\r\n" % (len(segment), segment, crc16(segment)) == upper_crc(packet.frame), packet
            continue
        field, detail = refused(packet.frame)
        lengths = re.search(r"LEN declared (\d+) actual (\d+)", packet.verdict)
        sums = re.search(r"CRC sent (\w+) computed (\w+)", packet.verdict)
        if lengths:
            assert (field, detail) == (
                "length",
                f"the length says {lengths[1]}, the data segment has {lengths[2]} bytes",
            )
        elif sums:
            assert field == "CRC", packet
            assert detail.startswith(f"the frame says {sums[1].upper()}, its data segment gives {sums[2]}")
        else:
            assert (field, packet.number) == ("length", 8)


def upper_crc(frame: bytes) -> bytes:
    """The frame with its sum in capitals."""
    return frame[:-6] + frame[-6:].upper()


@pytest.mark.parametrize(
    ("wrong", "known"),
    [
        (swapped(crc16(ANNEX_A)), "the standard's sum with its two bytes swapped"),
        (modbus_crc16(ANNEX_A), "CRC-16/MODBUS"),
        (swapped(modbus_crc16(ANNEX_A)), "CRC-16/MODBUS with its two bytes swapped"),
    ],
)
def test_a_mistaken_sum_is_named(wrong: int, known: str) -> None:
    """A maker who took another sum is told which."""
    field, detail = refused(b"##0101%b%04X\r\n" % (ANNEX_A, wrong))
    assert field == "CRC"
    assert detail == f"the frame says {wrong:04X}, its data segment gives 1C80; {wrong:04X} is {known}"


@pytest.mark.parametrize(
    ("frame", "field", "detail"),
    [
        (b"", "##", "0 bytes beginning with 0x"),
        (b"#0101", "##", "5 bytes beginning with 0x2330"),
        (b"##0101" + ANNEX_A + b"1C80", "CR LF", "111 bytes that do not end with CR LF"),
        (b"##101" + ANNEX_A + b"1C80\r\n", "length", "the four bytes after ## are not four digits"),
        (b"##0100" + ANNEX_A + b"1C80\r\n", "length", "the length says 100, the data segment has 101 bytes"),
        (b"##0000\r\n", "length", "the length says 0, the data segment has 0 bytes"),
        (b"##0101" + ANNEX_A + b"1C8G\r\n", "CRC", "the four bytes before CR LF are not four hex digits"),
        (b"##0101" + ANNEX_A + b"1C81\r\n", "CRC", "the frame says 1C81, its data segment gives 1C80"),
    ],
)
def test_what_is_wrong_is_told_by_place(frame: bytes, field: str, detail: str) -> None:
    """Field and detail of each way to be wrong."""
    assert refused(frame) == (field, detail)


def test_more_than_fits_into_a_frame_is_not_sent() -> None:
    """1024 bytes are the standard's limit for who sends."""
    with pytest.raises(ValueError, match="1025 bytes of data, at most 1024"):
        build_frame(bytes(1025))


def test_frames_one_behind_the_other_are_cut_at_their_ends() -> None:
    """Nothing is dropped, the last one without an end neither."""
    one, two = build_frame(b"a"), build_frame(b"b")
    assert list(split_frames(one + two)) == [one, two]
    assert list(split_frames(one + b"rest")) == [one, b"rest"]
    assert list(split_frames(b"")) == [b""]
