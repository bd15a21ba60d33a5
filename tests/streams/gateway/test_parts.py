"""Parts of split packets in memory: whole when all are here, forgotten in time and number."""

from pipelines.hj212.frame import build_frame
from pipelines.hj212.packet import parse
from streams.gateway import parts
from streams.gateway.parts import KEPT_S, Parts


def part(number: int, count: int = 2, device: str = "A1", hour: int = 8) -> bytes:
    """One part of an upload."""
    head = f"QN={number};CN=2061;MN={device};Flag=7;PNUM={count};PNO={number}"
    return build_frame(f"{head};CP=&&DataTime=20260301{hour:02}0000&&".encode())


def put(known: Parts, frame: bytes, now: float = 0.0, topic: str = "t") -> bytes | None:
    """Put a frame."""
    return known.put(topic, parse(frame), frame, now)


def test_all_parts_make_an_upload_in_their_order() -> None:
    """And again when one is repeated."""
    known = Parts()
    assert put(known, part(2)) is None
    assert put(known, part(1)) == part(1) + part(2)
    assert put(known, part(2)) == part(1) + part(2)


def test_parts_of_different_uploads_do_not_meet() -> None:
    """Another device, hour, number of parts or topic is another upload."""
    known = Parts()
    assert put(known, part(1)) is None
    for other in (part(2, device="A2"), part(2, hour=9), part(2, count=3)):
        assert put(known, other) is None
    assert put(known, part(2), topic="u") is None
    assert put(known, part(2)) == part(1) + part(2)


def test_old_parts_are_forgotten() -> None:
    """After KEPT_S, and the oldest where there are too many."""
    known = Parts()
    put(known, part(1))
    assert put(known, part(2), now=KEPT_S + 1) is None
    known = Parts()
    for number in range(parts.MOST + 2):
        put(known, part(1, device=f"B{number}"))
    assert put(known, part(2, device="B0")) is None
    assert put(known, part(2, device=f"B{parts.MOST}")) is not None
