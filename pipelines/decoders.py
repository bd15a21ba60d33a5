"""Protocols of devices (设备协议) that a feed may speak beside Avro and JSON, by the name that a mapping gives them.

A decoder turns values into the columns of the feed's raw schema; all that follows is the one path of every feed.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import polars as pl

from pipelines.contract import Field
from pipelines.faults import Fault
from pipelines.hj212.decode import read_frames

# Values → frame of the readable ones in their order, a note for each of them, the fault of each other one by position.
Decoder = Callable[[Sequence[bytes], Sequence[Field]], tuple[pl.DataFrame, list[str | None], dict[int, Fault]]]

DECODERS: Final[Mapping[str, Decoder]] = {"hj212": read_frames}
