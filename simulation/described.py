"""Uploads and truth of the kinds that simulation/kinds/ describes: their dialect is the mapping read backwards."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from pipelines.catalog import Catalog
from pipelines.contract import TIMESTAMP, CanonicalKind
from pipelines.mapping.people import PersonKey
from simulation.encode import Encoder, Registry
from simulation.inverse import Inverse
from simulation.occurrences import Occurrence, occurrences, recipes
from simulation.spec import Spec
from simulation.spoil import changes, spoilt, to_be_spoilt
from simulation.vendors import own_name, topic_of, vendors_of

TEXT = pl.String()
UPLOADS = pl.Schema(
    {"topic": TEXT, "key": pl.Binary(), "value": pl.Binary(), "guid": pl.Binary(), "timestamp": pl.Int64()}
)
TRUTH = pl.Schema(
    dict.fromkeys(("topic", "province", "kind", "vendor", "subject"), TEXT)
    | {"observed_at": TIMESTAMP, "discriminator": TEXT, "timestamp": pl.Int64()}
    | {"expected": TEXT, "reason": TEXT, "flags": TEXT, "registered": pl.Boolean()}
)


def described(spec: Spec, catalog: Catalog) -> list[tuple[str, str]]:
    """Province and kind of every such feed that the spec asks for and the catalog takes."""
    kinds = recipes() if spec.kinds is None else spec.kinds
    return [(province, kind) for province in spec.provinces for kind in kinds if (province, kind) in catalog.raw]


def speakers(province: str, kind: str, catalog: Catalog) -> dict[str, Inverse]:
    """Vendor → how it says what happened."""
    raw = catalog.raw[province, kind]
    return {code: Inverse(catalog, raw, own_name(vendor)) for code, vendor in vendors_of(province).items()}


def happened(kind: str, sites: pl.DataFrame, inverses: Mapping[str, Inverse], spec: Spec) -> list[Occurrence]:
    """What is sent of one province's kind, with faults that which must be rejected too."""
    sound = occurrences(kind, sites, inverses, spec)
    return sound + to_be_spoilt(sound, next(iter(inverses.values()))) if spec.faults else sound


def described_feed(
    province: str, kind: str, sites: pl.DataFrame, catalog: Catalog, registry: Registry, spec: Spec
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Uploads and truth of one province's kind, rows in the same order; `sites` as of occurrences.sites_of."""
    raw = catalog.raw[province, kind]
    made, vendors, inverses = catalog.canonical[kind], vendors_of(province), speakers(province, kind, catalog)
    encoder = Encoder.of(raw.subject, raw.schema, registry)
    uploads, truth = [], []
    for each in happened(kind, sites, inverses, spec):
        vendor, inverse = vendors[each.vendor], inverses[each.vendor]
        topic, received = topic_of(province, kind, vendor), round(each.timestamp.timestamp() * 1000)
        value, guid = _sent(each, inverse, encoder, vendor["encoding"])
        key = str(each.values.get("device_code") or each.values["project_code"]).encode()
        uploads.append((topic, key, value, guid, received))
        subject = "/".join(_as_held(made.subject, each.values, inverse, catalog.person_key))
        at, apart = each.values["observed_at"], _apart(made, each.values)
        expected = "rejected" if each.damage else "accepted"
        place = (topic, province, kind, each.vendor)
        truth.append((*place, subject, at, apart, received, expected, each.damage, each.flags, True))
    return pl.DataFrame(uploads, UPLOADS, orient="row"), pl.DataFrame(truth, TRUTH, orient="row")


def _sent(each: Occurrence, inverse: Inverse, encoder: Encoder, encoding: str) -> tuple[bytes, bytes | None]:
    """Value and GUID header of one upload; damaged ones are JSON, which can hold what the schema does not allow."""
    said = {name: each.person[what] for name, what in inverse.people.items()}
    record = inverse.record(each.values) | said
    if each.damage is None:
        return encoder.encode(record, encoding)
    return encoder.json(spoilt(record, changes(inverse)[each.damage])), None


def _as_held(names: Sequence[str], values: Mapping[str, Any], inverse: Inverse, key: PersonKey) -> list[str]:
    """Texts as the canonical record must hold them, people under their pseudonyms; none of them has a slash."""
    return [key.pseudonym(values[name]) if inverse.rules[name].pseudonym else values[name] for name in names]


def _apart(made: CanonicalKind, values: Mapping[str, Any]) -> str | None:
    """What tells apart events of one subject and time, as in an event_id; None for a kind that needs nothing."""
    return ":".join(values.get(name) or "" for name in made.discriminator) if made.discriminator else None
