"""What `sitehub ledger` prints where nobody looks at a terminal."""

import polars as pl
import pytest

from sitehub.commands.ledger import ledger
from streams.ledger import MADE, STANDS, UPLOADS, Ledger, compare

TOPIC = "raw.jiangsu.interface-registration.a-vendor"


def test_topics_are_told_whole_and_empty_ones_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A row for each partition with uploads, its name in full, then the sums; all of it in lines that grep finds."""
    accounts = compare(
        pl.DataFrame([(TOPIC, 1, 0), (TOPIC, 1, 1)], schema=UPLOADS, orient="row"),
        pl.DataFrame([(TOPIC, 1, 0, True), (TOPIC, 1, 1, False)], schema=MADE, orient="row"),
        pl.DataFrame([(TOPIC, 0, 0, 0, 0, 0), (TOPIC, 1, 0, 2, 2, 2)], schema=STANDS, orient="row"),
    )
    monkeypatch.setattr("streams.ledger.ledger", lambda *_: Ledger(accounts))
    with pytest.raises(SystemExit) as ended:
        ledger()
    head, *rows, verdict = capsys.readouterr().out.splitlines()
    assert ended.value.code == 0
    assert head.split()[:3] == ["topic", "partition", "uploads"]
    assert [row.split() for row in rows] == [[TOPIC, "1", "2", "1", "1", "0", "0", "0", "0"]]
    assert verdict.startswith("exact: 2 uploads, 1 canonical + 1 quarantined, 0 waiting")
