"""The table kind × province × provenance (目录总表), as docs/catalogue.md shows it."""

from typing import Final

from pipelines.catalog import Catalog, RawKind
from sitehub.readers.described import feeds_of

HEAD: Final = """\
# The catalogue 标准数据目录

Which kinds of events there are, and whose uploads become them. A cell says how well a province's format is known:
*verified* (official text), *second-hand* (an implementer's code), *assumed* (own design after the demand in the text);
empty: that province's texts do not ask for it. `national` is the feed of the control stations.

哪些数据类别、由哪些省份的上传形成；单元格为接口格式的依据：官方文本、实施单位代码、按文件要求自行设计。

Every field of a kind: `sitehub catalog html`. How a province's upload is read: `sitehub catalog show PROVINCE KIND`.
This page is made by `sitehub catalog table > docs/catalogue.md`.
"""


def overview(catalog: Catalog) -> str:
    """The page in Markdown, with a line end at its end."""
    kinds = {name: feeds_of(catalog, name) for name in catalog.made}
    rows = [
        ["kind", "类别", "", *catalog.provinces],
        ["---"] * (3 + len(catalog.provinces)),
        *(
            [
                f"`{name}`",
                catalog.canonical[name].schema["zh"],
                "register" if catalog.canonical[name].register else "",
                *(_cell(feeds, province) for province in catalog.provinces),
            ]
            for name, feeds in kinds.items()
        ),
    ]
    counted = f"{len(kinds)} kinds, made of {len(catalog.raw)} feeds of {len(catalog.provinces)} senders.\n"
    return "\n".join([HEAD, *(f"| {' | '.join(row)} |" for row in rows), "", counted])


def _cell(feeds: list[RawKind], province: str) -> str:
    """How well the province's feeds are known; with the name of a protocol where devices speak one of their own."""
    return "; ".join(
        raw.mapping.provenance + (f" ({raw.mapping.decoder})" if raw.mapping.decoder else "")
        for raw in feeds
        if raw.province == province
    )
