"""A canonical kind as its readers know it: where its records lie, under which key, made of whose uploads."""

from pipelines.catalog import CanonicalKind, Catalog, RawKind


def subject_shape(kind: CanonicalKind) -> str:
    """The thing whose event it is, in fields: `<project_code>/<work_code>`."""
    return "/".join(f"<{name}>" for name in kind.subject)


def key_shape(kind: CanonicalKind) -> str:
    """The Kafka key in fields: `<province>:<device_code>`."""
    return f"<province>:{subject_shape(kind)}"


def event_id_shape(kind: CanonicalKind) -> str:
    """The natural key of an event in fields: `<province>:dust-reading:<device_code>:<observed_at ms>:<period>`."""
    parts = (subject_shape(kind), "<observed_at ms>", *(f"<{name}>" for name in kind.discriminator))
    return ":".join(("<province>", kind.name, *parts))


def feeds_of(catalog: Catalog, kind: str) -> list[RawKind]:
    """What is uploaded that becomes records of a kind, by topic."""
    return sorted((raw for raw in catalog.raw.values() if raw.mapping.kind == kind), key=lambda raw: raw.topic)
