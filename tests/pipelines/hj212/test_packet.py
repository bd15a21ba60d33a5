"""Packets: what is read is built again byte for byte; flags, parts and answers as the standard's annex C has them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.hj212 import answers
from pipelines.hj212.flags import Flag
from pipelines.hj212.frame import MalformedError, parse_frame
from pipelines.hj212.packet import Packet, build, build_packet, parse, parse_packet
from pipelines.hj212.parts import join
from pipelines.hj212.tables import codes_of_2005, commands, factors
from tests.pipelines.hj212.published import published

names = st.text("abcLRtdw0123456789-", min_size=1, max_size=8)
values = st.text(st.characters(exclude_characters=";,&", exclude_categories=["Cs"]), max_size=8)
pairs = st.tuples(names, values)
items = st.lists(st.lists(pairs, max_size=3).map(tuple), max_size=4).map(tuple).filter(lambda found: found != ((),))
packets = st.builds(Packet, st.lists(pairs, max_size=4).map(tuple), items)

DATA = b"QN=20160801085857223;ST=32;CN=2011;PW=123456;MN=010000A8900016F000169DC0;Flag=5;CP=&&DataTime=20160801085857&&"


def refused(segment: bytes) -> tuple[str, str]:
    """Field and detail of the refusal."""
    with pytest.raises(MalformedError) as caught:
        parse_packet(segment)
    return caught.value.fault.field or "", caught.value.fault.detail


def packet_of(**fields: str) -> Packet:
    """A packet with these header fields."""
    return Packet(tuple(fields.items()))


@given(packets)
def test_a_built_packet_is_read_again(packet: Packet) -> None:
    """Order, spelling and empty items survive."""
    assert parse_packet(build_packet(packet)) == packet


@given(
    st.binary(max_size=80) | st.text("QN=;,CP&10\u98ce", max_size=40).map(lambda text: f"QN=1;CP=&&{text}&&".encode())
)
def test_any_segment_is_built_again_or_has_a_named_fault(segment: bytes) -> None:
    """build after parse is the identity on whatever parses."""
    fault = None
    try:
        packet = parse_packet(segment)
    except MalformedError as error:
        fault = error.fault
    assert (fault.field and fault.remedy) if fault else build_packet(packet) == segment


def test_published_frames_are_built_again() -> None:
    """All but one sound frame is a packet: a maker's registration has no CP."""
    odd = []
    for found in published():
        if not found.is_sound:
            continue
        segment = parse_frame(found.frame)
        try:
            assert build_packet(parse_packet(segment)) == segment
        except MalformedError as error:
            odd.append((found.number, error.fault.field))
    assert odd == [(3, "CP")]


def test_fields_and_values_are_found_by_name() -> None:
    """Blanks around names, as the standard's own examples have them, do not matter."""
    packet = parse_packet(b"ST=39;CN=2011;MN=A1;CP=&&DataTime=20260301101500; LA-Rtd=50.1,LA-Flag=N;&&")
    assert (packet.command, packet.device, packet.part) == ("2011", "A1", (1, 1))
    assert packet.values == {"DataTime": "20260301101500", "LA-Rtd": "50.1", "LA-Flag": "N"}
    assert packet.items[-1] == ()


@pytest.mark.parametrize(
    ("segment", "field", "detail"),
    [
        (b"QN=1&&", "CP", "no CP=&&…&& ends the data segment"),
        (b"QN=1;CP=&&a=1", "CP", "no CP=&&…&& ends the data segment"),
        (b"QN=1CP=&&&&", "CP", "no CP=&&…&& ends the data segment"),
        (b"CP=&&a=1&&b=2&&", "CP", "a third && stands inside of CP"),
        (b"CP=&&a=1;b&&", "CP", "item 2 of CP has no ="),
        (b"QN=1;ST;CP=&&&&", "header", "field 2 of the header has no ="),
        (b"QN=\xb7\xe7;CP=&&&&", "encoding", "byte 3 of the data segment is not UTF-8"),
    ],
)
def test_what_is_wrong_is_told_by_place(segment: bytes, field: str, detail: str) -> None:
    """Field and detail of each way to be wrong."""
    assert refused(segment) == (field, detail)


@given(st.integers(0, 255))
def test_flag_is_version_split_and_answer(number: int) -> None:
    """All 256 of them."""
    flag = packet_of(Flag=str(number)).flag
    assert flag == Flag(number // 4, bool(number // 2 % 2), bool(number % 2))
    assert flag.number == number


@pytest.mark.parametrize("text", ["", "x", "256", "-1", "٣", "0005"])
def test_an_odd_flag_is_refused(text: str) -> None:
    """No digits of other scripts, no text, nothing beyond a byte."""
    with pytest.raises(MalformedError, match="Flag is no number from 0 to 255"):
        _ = packet_of(Flag=text).flag


def test_without_flag_a_packet_is_of_2005_and_wants_no_answer() -> None:
    """The field is optional."""
    assert packet_of(MN="A1").flag == Flag(version=0, split=False, answer=False)


@pytest.mark.parametrize(("number", "count"), [("0", "2"), ("3", "2"), ("x", "2"), ("1", None), (None, "2"), ("1", "")])
def test_odd_part_numbers_are_refused(number: str | None, count: str | None) -> None:
    """Beyond the count, no number, or one without the other."""
    fields = {name: text for name, text in (("PNUM", count), ("PNO", number)) if text is not None}
    with pytest.raises(MalformedError, match="PNUM and PNO"):
        _ = packet_of(**fields).part


def test_answers_are_those_of_annex_c() -> None:
    """Each published answer to a notice or an upload equals the one built for the packet before it that it answers."""
    built = 0
    asked: dict[str, Packet] = {}
    ways = {"9013": answers.notice_answer, "9014": answers.data_answer}
    for found in published():
        if "annex C" not in found.origin:
            continue
        packet = parse(found.frame)
        if packet.command in ways:
            assert build(ways[packet.command](asked[packet.fields["QN"]])) == found.frame
            built += 1
        else:
            asked[packet.fields["QN"]] = packet
    assert built == 13


def test_an_answer_to_a_packet_of_2005_has_no_fields_of_its_own() -> None:
    """What the packet lacks the answer lacks; the version stays."""
    answer = answers.data_answer(parse_packet(b"ST=39;CN=2011;PW=1;MN=A1;Flag=1;CP=&&&&"))
    assert build_packet(answer) == b"ST=91;CN=9014;PW=1;MN=A1;Flag=0;CP=&&&&"


def parts_of(count: int) -> list[Packet]:
    """A sound packet cut into parts, each with its own QN."""
    header = (("QN", "1"), ("CN", "2061"), ("MN", "A1"), ("Flag", "6"), ("PNUM", str(count)), ("PNO", "0"))
    time = (("DataTime", "20160801080000"),)
    return [
        Packet((("QN", str(n)), *header[1:5], ("PNO", str(n))), (time, ((f"w{n}-Avg", "1"), (f"w{n}-Flag", "N"))))
        for n in range(1, count + 1)
    ]


@given(st.integers(1, 5).flatmap(lambda count: st.permutations(parts_of(count))))
def test_parts_are_joined_whatever_their_order(parts: list[Packet]) -> None:
    """In the parts' order, with the time once."""
    joined = join(parts)
    assert [item[0][0] for item in joined.items] == ["DataTime", *(f"w{n}-Avg" for n in range(1, len(parts) + 1))]
    assert joined.fields["QN"] == "1"
    assert len(parts) == 1 or joined.part == (1, 1)


def test_what_is_not_the_parts_of_one_upload_is_refused() -> None:
    """One is absent, twice there, or of another hour."""
    one, two, three = parts_of(3)
    other = replace(two, items=((("DataTime", "20160801090000"),),))
    for wrong in ([one, two], [one, two, two], [one, other, three], [two]):
        with pytest.raises(MalformedError, match="not the 3 parts of one upload"):
            join(wrong)


def test_the_published_halves_of_one_upload_are_joined() -> None:
    """Annex C, table C.49: two packets with QNs of their own."""
    halves = [parse(found.frame) for found in published() if found.number in (79, 80)]
    assert [packet.part for packet in halves] == [(1, 2), (2, 2)]
    joined = join(halves)
    assert list(joined.values)[:2] == ["DataTime", "w00000-Cou"]
    assert "w01018-Flag" in joined.values


def test_the_tables_are_whole() -> None:
    """Commands with a period, factors with their units and codes of both generations."""
    assert {code: entry.period for code, entry in commands().items() if entry.period} == {
        "2011": "instant",
        "2031": "day",
        "2051": "minute",
        "2061": "hour",
    }
    assert factors()["a34004"].unit == "ng/m3"
    assert codes_of_2005()["01"] == "a34013"
    assert all(factor.zh and factor.unit for factor in factors().values())
