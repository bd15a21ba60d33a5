"""The ledger's judgement, without Kafka."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from streams.ledger import FINDINGS, MADE, STANDS, UPLOADS, Ledger, compare

TOPIC = "raw.jiangsu.dust-reading"


def judged(
    uploads: list[int], made: list[tuple[int, bool]], begin: int, done: int, end: int, later: int | None = None
) -> Ledger:
    """The ledger of one partition with these upload offsets and outputs; the end was the same later on, or `later`."""
    return Ledger(
        compare(
            pl.DataFrame([(TOPIC, 0, offset) for offset in uploads], schema=UPLOADS, orient="row"),
            pl.DataFrame([(TOPIC, 0, *output) for output in made], schema=MADE, orient="row"),
            pl.DataFrame([(TOPIC, 0, begin, done, end, end if later is None else later)], schema=STANDS, orient="row"),
        )
    )


def counts(found: Ledger) -> dict[str, int]:
    """The counts of its one account."""
    names = ("uploads", "canonical", "quarantined", "waiting", *FINDINGS)
    return found.accounts.select(names).row(0, named=True)


def test_gaps_of_the_log_are_no_findings() -> None:
    """Transaction markers leave offsets without an upload; nothing is expected of them."""
    found = judged([0, 1, 3], [(0, True), (1, False), (3, True)], 0, 5, 5)
    assert found.is_exact
    assert counts(found) == {"uploads": 3, "canonical": 2, "quarantined": 1, "waiting": 0} | dict.fromkeys(FINDINGS, 0)


def test_each_finding_is_told_with_its_place() -> None:
    """A missing, a doubled and an invented one are counted apart, each with its offset."""
    found = judged([0, 1, 2], [(0, True), (0, False), (2, True), (3, True)], 0, 4, 4)
    account = found.accounts.row(0, named=True)
    assert not found.is_exact
    assert (account["missing_at"], account["doubled_at"], account["invented_at"]) == ([1], [0], [3])


def test_what_no_transaction_has_completed_waits() -> None:
    """Uploads from the committed offset on are waiting, not missing; an output behind it is welcome."""
    found = judged([0, 1, 2], [(0, True), (1, True)], 0, 1, 3)
    assert found.is_exact
    assert counts(found)["waiting"] == 1


def test_expired_and_newer_uploads_are_out_of_sight() -> None:
    """Outputs of uploads below the log's start, or sent after the offsets were read, are not judged."""
    assert judged([5], [(0, True), (5, True), (9, True)], 5, 6, 6, later=10).is_exact


def test_an_output_of_what_never_was_is_invented() -> None:
    """An output naming an offset behind the end, a partition or a topic that does not exist is told with its place."""
    assert judged([5], [(5, True), (9, True)], 5, 6, 6).accounts["invented_at"].to_list() == [[9]]
    strangers = [(TOPIC, 0, 0, True), (TOPIC, 7, 3, True), ("raw.jiangsu.nothing", 0, 4, False)]
    found = Ledger(
        compare(
            pl.DataFrame([(TOPIC, 0, 0)], schema=UPLOADS, orient="row"),
            pl.DataFrame(strangers, schema=MADE, orient="row"),
            pl.DataFrame([(TOPIC, 0, 0, 1, 1, 1)], schema=STANDS, orient="row"),
        )
    )
    assert not found.is_exact
    told = found.accounts.select("topic", "partition", "uploads", "invented", "invented_at").rows()
    assert told == [(TOPIC, 0, 1, 0, []), (TOPIC, 7, 0, 1, [3]), ("raw.jiangsu.nothing", 0, 0, 1, [4])]


@given(
    st.sets(st.integers(0, 30)), st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=30), st.integers(0, 31)
)
def test_the_counts_are_those_of_a_plain_count(uploads: set[int], made: list[tuple[int, bool]], done: int) -> None:
    """Whatever was sent and made, the vectorised ledger counts as one does by hand."""
    outputs = [offset for offset, _ in made]
    found = counts(judged(sorted(uploads), made, 0, done, 31))
    assert found["uploads"] == len(uploads)
    assert found["missing"] == sum(offset < done and offset not in outputs for offset in uploads)
    assert found["waiting"] == sum(offset >= done and offset not in outputs for offset in uploads)
    assert found["doubled"] == sum(outputs.count(offset) > 1 for offset in uploads)
    assert found["invented"] == len(set(outputs) - uploads)
