"""The fields of each kind as pages (字段说明): self-contained HTML in the look of the reports, Chinese and English."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pipelines.catalog import CanonicalKind, Catalog, Field, RawKind
from pipelines.contract import RECORDS, TEXTS
from pipelines.names import canonical_topic, subject_of
from reports.html import environment, page
from reports.words import Text
from sitehub.mapping_table import field_rows
from sitehub.readers.described import event_id_shape, feeds_of, key_shape

INDEX: Final = "index.html"
ARRAYS: Final = {TEXTS: "array of string", RECORDS: "array of records"}


@dataclass(frozen=True)
class Said:
    """What one feed sends for a field: raw names, or the constant."""

    feed: str
    uploads: tuple[str, ...]


@dataclass(frozen=True)
class FieldRow:
    """One field of a record, or of an array's records (`points.value`)."""

    path: str
    field: Field
    type: str
    said: tuple[Said, ...]


@dataclass(frozen=True)
class KindPage:
    """One kind with its fields and the feeds that make it."""

    kind: CanonicalKind
    title: Text
    topic: str
    subject: str
    key: str
    event_id: str
    feeds: tuple[RawKind, ...]
    rows: tuple[FieldRow, ...]

    @property
    def name(self) -> str:
        """The file's name."""
        return f"{self.kind.name}.html"


def pages(catalog: Catalog) -> dict[str, str]:
    """File name → page: the index, and one for each kind that some feed makes."""
    kinds = [_kind_page(kind, feeds_of(catalog, name)) for name, kind in catalog.made.items()]
    drawn = {each.name: _page("kind.html.j2", each.title.zh, page=each) for each in kinds}
    return {INDEX: _page("index.html.j2", "标准数据目录", pages=kinds, feeds=catalog.provinces), **drawn}


def _kind_page(kind: CanonicalKind, feeds: Sequence[RawKind]) -> KindPage:
    topic = canonical_topic(kind.name)
    uploads = {
        raw.province if raw.kind == kind.name else f"{raw.province} {raw.kind}": {
            row["field"]: tuple(row["upload"]) for row in field_rows(raw, kind, None) if row["field"]
        }
        for raw in feeds
    }
    return KindPage(
        kind=kind,
        title=Text(kind.schema["zh"], kind.name.replace("-", " ").capitalize()),
        topic=topic,
        subject=subject_of(topic),
        key=key_shape(kind),
        event_id=event_id_shape(kind),
        feeds=tuple(feeds),
        rows=tuple(_rows(kind.fields, uploads)),
    )


def _rows(
    fields: Sequence[Field], uploads: Mapping[str, Mapping[str, tuple[str, ...]]], within: str = ""
) -> list[FieldRow]:
    rows = []
    for field in fields:
        path = within + field.name
        said = tuple(Said(feed, names[path]) for feed, names in uploads.items() if path in names)
        rows.append(FieldRow(path, field, ARRAYS.get(field.type, field.type), said))
        rows += _rows(field.items, uploads, f"{path}.")
    return rows


def _page(template: str, title: str, **values: object) -> str:
    drawer = environment("sitehub.readers")
    return page(title, drawer.get_template(template).render(**values), drawer.get_template("fields.css.j2").render())
