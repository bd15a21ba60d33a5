"""The fields of each kind as pages (字段说明): self-contained HTML in the look of the reports, Chinese and English.

Of canonical kinds, and of the hub's own that something writes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from pipelines.catalog import CanonicalKind, Catalog, Field, RawKind
from pipelines.contract import RECORDS, TEXTS
from pipelines.names import canonical_topic, hub_topic, subject_of
from reports.fonts import SANS, subset_data_uri
from reports.html import environment, letters, page
from reports.words import Text
from sitehub.mapping_table import field_rows
from sitehub.readers.described import event_id_shape, feeds_of, key_shape

INDEX: Final = "index.html"
FOR_EVER: Final = Text("永久", "For ever")
REGISTER: Final = Text(
    "台账：按键压缩，每个对象保留最新状态", "Register: compacted, the latest state of each thing stays"
)
FOUND: Final = Text(
    "按键压缩，每个事件保留最新内容；空值表示撤回",
    "Compacted, the latest content of each event stays; no value takes it back",
)
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
    """One kind with its fields and the feeds that make it: none of what the hub itself finds."""

    kind: CanonicalKind
    title: Text
    topic: str
    subject: str
    key: str
    event_id: str
    kept: Text
    feeds: tuple[RawKind, ...]
    rows: tuple[FieldRow, ...]

    @property
    def name(self) -> str:
        """The file's name."""
        return f"{self.kind.name}.html"

    @property
    def made_by(self) -> str | None:
        """What writes it, where it is the hub's own."""
        made_by: str | None = self.kind.schema.get("made_by")
        return made_by


def pages(catalog: Catalog) -> dict[str, str]:
    """File name → page: the index, and one for each kind that has a topic. All carry the same typeface."""
    drawer = environment("sitehub.readers")
    kinds = [_kind_page(kind, feeds_of(catalog, name)) for name, kind in catalog.made.items()]
    kinds += [_page_of_found(kind) for kind in catalog.published.values()]
    index = drawer.get_template("index.html.j2").render(pages=kinds, feeds=catalog.provinces)
    bodies = {INDEX: ("标准数据目录", index)}
    for each in kinds:
        bodies[each.name] = each.title.zh, drawer.get_template("kind.html.j2").render(page=each)
    frame = page("", "", "")
    shown = letters(frame).union(*(letters(title + body) for title, body in bodies.values()))
    style = drawer.get_template("fields.css.j2").render(sans=Markup(subset_data_uri(SANS, shown)))
    return {name: page(title, body, style) for name, (title, body) in bodies.items()}


def _kind_page(kind: CanonicalKind, feeds: Sequence[RawKind]) -> KindPage:
    uploads = {
        raw.province if raw.kind == kind.name else f"{raw.province} {raw.kind}": {
            row["field"]: tuple(row["upload"]) for row in field_rows(raw, kind, None) if row["field"]
        }
        for raw in feeds
    }
    kept = REGISTER if kind.register else FOR_EVER
    return _page(kind, canonical_topic(kind.name), key_shape(kind), kept, feeds, uploads)


def _page_of_found(kind: CanonicalKind) -> KindPage:
    return _page(kind, hub_topic(kind.name), event_id_shape(kind), FOUND, (), {})


def _page(
    kind: CanonicalKind,
    topic: str,
    key: str,
    kept: Text,
    feeds: Sequence[RawKind],
    uploads: Mapping[str, Mapping[str, tuple[str, ...]]],
) -> KindPage:
    return KindPage(
        kind=kind,
        title=_title(kind),
        topic=topic,
        subject=subject_of(topic),
        key=key,
        event_id=event_id_shape(kind),
        kept=kept,
        feeds=tuple(feeds),
        rows=tuple(_rows(kind.fields, uploads)),
    )


def _title(kind: CanonicalKind) -> Text:
    return Text(kind.schema["zh"], kind.name.replace("-", " ").capitalize())


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
