"""Whether what dashboard and alerts ask for is exported."""

from collections.abc import Iterable
from typing import Any

import promql_parser as promql
from prometheus_client import Metric

# Labels that Prometheus itself adds at the scrape.
SCRAPED = {"job", "instance", "service"}


def assert_found(expressions: Iterable[str], families: Iterable[Metric]) -> None:
    """Every metric and label of the expressions is in the scrape."""
    exported: dict[str, set[str]] = {"up": set()}
    for family in families:
        for sample in family.samples:
            exported.setdefault(sample.name, set()).update(sample.labels)
    for expression in expressions:
        names, labels = _used(promql.parse(expression.replace("$__rate_interval", "5m")))
        assert names
        assert names <= exported.keys(), expression
        assert labels <= set.union(*(exported[name] for name in names)) | SCRAPED, expression


def _used(node: Any) -> tuple[set[str], set[str]]:
    """Names of metrics, and of labels, in a parsed expression."""
    if isinstance(node, promql.VectorSelector):
        return {str(node.name)}, {matcher.name for matcher in node.matchers.matchers}
    modifier = getattr(node, "modifier", None)
    names, labels = set[str](), set(getattr(modifier, "labels", None) or ())
    parts = [getattr(node, name, None) for name in ("vector_selector", "expr", "lhs", "rhs")]
    for part in [*parts, *getattr(node, "args", ())]:
        if part is not None:
            found = _used(part)
            names, labels = names | found[0], labels | found[1]
    return names, labels
