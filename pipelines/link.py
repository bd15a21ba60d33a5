"""A link (链路): all that is alike for the uploads of one raw topic, resolved once and not batch by batch."""

from dataclasses import dataclass
from functools import cached_property

import polars as pl

from pipelines.contract import CanonicalKind
from pipelines.identity import event_id
from pipelines.json_upload import JsonField, json_fields
from pipelines.mapping.compiled import CompiledMapping
from pipelines.mapping.grammar import RawKind
from pipelines.names import RawTopic
from pipelines.screening_rules import Screening


@dataclass(frozen=True)
class Link:
    """A raw topic with the kinds on both its sides, its vendor's mapping and the rules that screen what is mapped."""

    topic: RawTopic
    raw: RawKind
    kind: CanonicalKind
    mapping: CompiledMapping
    rules: Screening | None

    @cached_property
    def json_fields(self) -> tuple[JsonField, ...]:
        """How a JSON upload is read."""
        return json_fields(self.raw, self.raw.mapping.for_vendor(self.topic.vendor))

    @cached_property
    def envelope(self) -> list[pl.Expr]:
        """The canonical columns beside the mapped ones, from these and `schema_id`: what is alike in all
        rows, the event's id, null where nothing maps."""
        alike = {
            "province": self.topic.province,
            "vendor": self.topic.vendor,
            "source_topic": self.topic.topic,
            "mapping": self.mapping.name,
        }
        received = {"received_at", "source_offset", "source_partition", "schema_id"}
        made = {*self.mapping.fields, "event_id", *received, "quality", "quality_notes"}
        return [
            event_id(self.topic.province, self.kind),
            pl.col("schema_id").cast(pl.Int32),
            *(
                pl.lit(alike.get(name), dtype).alias(name)
                for name, dtype in self.kind.polars_schema.items()
                if name not in made
            ),
        ]
