"""The catalog (目录): everything under avro_schemas/ as checked objects, and the mappings compiled."""

from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pipelines.contract import (
    CanonicalKind,
    CatalogError,
    CodeTable,
    Field,
    read_canonical,
    read_codes,
)
from pipelines.limits import Limits
from pipelines.link import Link
from pipelines.mapping.compile import compile_mapping
from pipelines.mapping.compiled import CompiledMapping
from pipelines.mapping.grammar import Mapping, RawKind, read_raw
from pipelines.mapping.people import EXAMPLE_KEY, PersonKey
from pipelines.names import RawTopic, parse_raw_topic
from pipelines.screening_file import read_screening
from pipelines.screening_rules import Screening

__all__ = ["CanonicalKind", "Catalog", "CatalogError", "CodeTable", "CompiledMapping", "Field", "Mapping", "RawKind"]

_PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Catalog:
    """The contract: canonical kinds, raw kinds with their mappings, code tables, limits and screening rules.

    `hub`: kinds of what the hub itself finds. None is of an upload, so they have no mapping and no quality flag.
    """

    root: Path
    canonical: MappingABC[str, CanonicalKind]
    raw: MappingABC[tuple[str, str], RawKind]
    codes: MappingABC[str, CodeTable]
    limits: Limits
    screening: MappingABC[str, Screening]
    person_key: PersonKey = EXAMPLE_KEY
    hub: MappingABC[str, CanonicalKind] = field(default_factory=dict)
    _compiled: dict[tuple[str, str, str | None], CompiledMapping] = field(default_factory=dict, repr=False)
    _links: dict[str, Link] = field(default_factory=dict, repr=False)

    @classmethod
    def load(
        cls, root: Path | None = None, screening: Path | None = None, person_key: PersonKey = EXAMPLE_KEY
    ) -> "Catalog":
        """Read the folder `root` (default: the project's) and compile every mapping; CatalogError at the first fault.

        `person_key`: makes people's pseudonyms; without it they are examples, of use for checks only.
        """
        catalog = cls.read(root, screening, person_key)
        for province in catalog.provinces:
            catalog.compile(province)
        return catalog

    @classmethod
    def read(
        cls, root: Path | None = None, screening: Path | None = None, person_key: PersonKey = EXAMPLE_KEY
    ) -> "Catalog":
        """As load, but a mapping is compiled when it is first asked for: a hundred take seconds."""
        # A contract elsewhere may lack kinds that the project's rules are for; the project's own may not.
        elsewhere = root is not None
        root = root or _PROJECT / "avro_schemas"
        screening = screening or _PROJECT / "quality" / "screening"
        kinds = {kind.name: kind for kind in map(read_canonical, sorted((root / "canonical").glob("*.avsc")))}
        if not kinds or not (root / "units.txt").exists():
            raise CatalogError(root, "folder", "holds no contract", "Name a folder with canonical/, raw/ and units.txt")
        raw = [read_raw(file) for file in sorted((root / "raw").glob("*/*.avsc"))]
        _no_orphans(root)
        codes = [read_codes(file) for file in sorted((root / "codes").glob("*.yaml"))]
        return cls(
            root=root,
            canonical=kinds,
            raw={(kind.province, kind.kind): kind for kind in raw},
            codes={table.name: table for table in codes},
            limits=Limits.load(root / "limits"),
            screening={
                file.stem: read_screening(file, kinds)
                for file in sorted(screening.glob("*.yaml"))
                if file.stem in kinds or not elsewhere
            },
            person_key=person_key,
            hub={kind.name: kind for kind in map(read_canonical, sorted((root / "hub").glob("*.avsc")))},
        )

    @classmethod
    def of_release(cls, folder: Path, person_key: PersonKey = EXAMPLE_KEY) -> "Catalog":
        """The contract of a checkout of the project with its screening rules, or of a folder of the contract alone."""
        whole = (folder / "avro_schemas").is_dir()
        if whole:
            return cls.read(folder / "avro_schemas", folder / "quality" / "screening", person_key)
        return cls.read(folder, person_key=person_key)

    @cached_property
    def provinces(self) -> tuple[str, ...]:
        """Names of the feeds: the provinces, and `national` for the control stations."""
        return tuple(sorted({province for province, _ in self.raw}))

    @cached_property
    def made(self) -> MappingABC[str, CanonicalKind]:
        """The canonical kinds that the uploads of some feed become, by name: these have a topic and a subject."""
        wanted = {kind.mapping.kind for kind in self.raw.values()}
        return {name: kind for name, kind in self.canonical.items() if name in wanted}

    @cached_property
    def published(self) -> MappingABC[str, CanonicalKind]:
        """The hub's own kinds that something writes (`made_by` in the schema): these have a topic and a subject."""
        return {name: kind for name, kind in self.hub.items() if kind.schema.get("made_by")}

    def made_of(self, topic: RawTopic) -> CanonicalKind:
        """The canonical kind that uploads of a raw topic become. KeyError where the catalog has no such uploads."""
        return self.canonical[self.raw[topic.province, topic.kind].mapping.kind]

    def compile(self, province: str) -> None:
        """Compile all mappings of a feed; CatalogError at the first fault."""
        for feed, raw in self.raw.items():
            if feed[0] == province:
                for vendor in (None, *raw.mapping.vendors):
                    self.compiled(*feed, vendor)

    def compiled(self, province: str, kind: str, vendor: str | None = None) -> CompiledMapping:
        """The compiled mapping of a feed's kind; a vendor without overrides has the common one. KeyError if unknown."""
        raw = self.raw[province, kind]
        key = (province, kind, vendor if vendor in raw.mapping.vendors else None)
        if key not in self._compiled:
            made = raw.mapping.kind
            if made not in self.canonical:
                raise CatalogError(raw.file, "kind", "has no canonical schema", f"Write canonical/{made}.avsc first")
            units = self.root / "units.txt"
            rules = self.screening.get(made)
            self._compiled[key] = compile_mapping(
                raw, self.canonical[made], self.codes, units, key[2], rules, self.person_key
            )
        return self._compiled[key]

    def link(self, name: str) -> Link:
        """The link of a raw topic. ValueError where it is no raw topic's name, KeyError where the kind is unknown."""
        if name not in self._links:
            topic = parse_raw_topic(name)
            raw, kind = self.raw[topic.province, topic.kind], self.made_of(topic)
            mapping = self.compiled(topic.province, topic.kind, topic.vendor)
            self._links[name] = Link(topic, raw, kind, mapping, self.screening.get(kind.name))
        return self._links[name]


def _no_orphans(root: Path) -> None:
    for mapping in sorted((root / "raw").glob("*/*.yaml")):
        if not mapping.with_suffix(".avsc").exists():
            remedy = f"Write {mapping.stem}.avsc beside it, or remove it"
            raise CatalogError(mapping, "schema", "the mapping has no raw schema", remedy)
