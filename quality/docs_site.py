"""The Data Docs site (数据质量文档): one page a table, day and province under one folder, readable offline.

A page has a fixed address, so a partition that is computed again replaces its page, and the cost of a page does not
grow with the number of pages. Great Expectations draws the page; what it would load from elsewhere is taken out and a
small style sheet put in.
"""

import html
import os
import re
from pathlib import Path

_FOREIGN = re.compile(
    r"<script\b[^>]*\bsrc=[^>]*>\s*</script>|<link\b[^>]*>|<a\b[^>]*href=\"https?:[^>]*>.*?</a>|<img\b[^>]*\bsrc=\"https?:[^>]*>",
    re.DOTALL,
)
_SCRIPT = re.compile(r"<script\b.*?</script>", re.DOTALL)
_HOME = re.compile(r"href=\"[./]*index\.html\"")
_UP = re.compile(r"href=\"[./]*expectations/[^\"]*\"")

_STYLE = """
:root{color-scheme:light;font:15px/1.55 system-ui,"Noto Sans SC","Microsoft YaHei",sans-serif;color:#1d2733}
body{margin:0 auto;max-width:76rem;padding:1.5rem}
table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}
th,td{border-bottom:1px solid #d9e0e7;padding:.4rem .6rem;text-align:left;vertical-align:top}
th{background:#f2f5f8;font-weight:600}
ul{padding-left:1.2rem}a{color:#17559b}h1{font-size:1.5rem}
.badge{background:#e8eef5;border-radius:.25rem;padding:0 .35rem}
.text-success,.passed{color:#17733c}.text-danger,.failed{color:#b3261e}
.collapse{display:block}.fa-check-circle::before{content:"✓"}.fa-times::before{content:"✗"}
nav,footer,.modal,.cooltip,button,[data-toggle=modal]{display:none}
"""


def page_path(root: Path, table: str, day: str, province: str) -> Path:
    """Where the page of one table's partition lies: `<root>/<table>/<day>/<province>.html`."""
    return root / table / day / f"{province}.html"


def offline(page: str) -> str:
    """The page without anything that a browser would fetch or run, and with the site's own style sheet."""
    quiet = _SCRIPT.sub("", _FOREIGN.sub("", page))
    linked = _UP.sub('href="../../index.html"', _HOME.sub('href="../../index.html"', quiet))
    return linked.replace("</head>", f"<style>{_STYLE}</style></head>", 1)


def publish(path: Path, page: str) -> None:
    """Puts a page in place whole: a reader sees the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.part")
    draft.write_text(page, encoding="utf-8")
    draft.replace(path)


def write_index(root: Path) -> Path:
    """The list of all pages, newest day first, one row a day and table."""
    rows = [
        f"<tr><td>{html.escape(day.name)}</td><td>{html.escape(day.parent.name)}</td><td>{_provinces(day)}</td></tr>"
        for day in sorted(root.glob("*/*-*-*/"), key=lambda path: (path.name, path.parent.name), reverse=True)
    ]
    page = (
        '<!doctype html><html lang="zh"><head><meta charset="utf-8"><title>数据质量 Data Docs</title>'
        f"<style>{_STYLE}</style></head><body><h1>数据质量文档 · Data Docs</h1>"
        "<table><thead><tr><th>日期 day</th><th>表 table</th><th>省份 province</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></body></html>"
    )
    index = root / "index.html"
    publish(index, page)
    return index


def _provinces(day: Path) -> str:
    links = (
        f'<a href="{html.escape(page.relative_to(day.parent.parent).as_posix())}">{html.escape(page.stem)}</a>'
        for page in sorted(day.glob("*.html"))
    )
    return " · ".join(links)
