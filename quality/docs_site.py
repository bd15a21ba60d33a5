"""The Data Docs site (数据质量文档): one page a day, province and table under one folder, readable offline.

A page has a fixed address, so a partition that is computed again replaces its page, and the cost of a page does not
grow with the number of pages. Great Expectations draws the page; what it would load from elsewhere is taken out and a
small style sheet put in.
"""

import html
import os
import re
from collections.abc import Sequence
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


def page_path(root: Path, day: str, province: str, table: str) -> Path:
    """Where the page of one table's partition lies: `<root>/<day>/<province>/<table>.html`."""
    return root / day / province / f"{table}.html"


def offline(page: str) -> str:
    """The page without anything that a browser would fetch or run, and with the site's own style sheet."""
    quiet = _SCRIPT.sub("", _FOREIGN.sub("", page))
    linked = _UP.sub('href="../../index.html"', _HOME.sub('href="../../index.html"', quiet))
    return linked.replace("</head>", f"<style>{_STYLE}</style></head>", 1)


def empty_page(table: str) -> str:
    """The page of a partition without rows: nothing was judged."""
    return _listing(f"{table}: 无数据 no rows", [])


def publish(root: Path, path: Path, page: str) -> None:
    """Puts a page in place, and lists it: on its partition's list, and a new partition on the site's front page."""
    known = path.parent.exists()
    _put(path, page)
    tables = sorted(path.parent.glob("[!i]*.html"))
    _put(path.parent / "index.html", _listing(" ".join(path.parent.parts[-2:]), [("", tables)]))
    if not known:
        _list_all(root)


def _list_all(root: Path) -> None:
    """Written until it says what is there: runs of other partitions write it at the same time."""
    written = None
    while written != (page := _front_page(root)):
        _put(root / "index.html", page)
        written = page


def _front_page(root: Path) -> str:
    days = sorted((day for day in root.iterdir() if day.is_dir()), reverse=True)
    return _listing("Data Docs", [(day.name, _provinces(day)) for day in days])


def _provinces(day: Path) -> list[Path]:
    return [province / "index.html" for province in sorted(day.iterdir())]


def _put(path: Path, page: str) -> None:
    """Writes a file whole: a reader sees the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.part")
    draft.write_text(page, encoding="utf-8")
    draft.replace(path)


def _listing(title: str, rows: Sequence[tuple[str, Sequence[Path]]]) -> str:
    """A list of pages: one row a day, linked by province, or one row of tables."""
    body = "".join(f"<tr><th>{html.escape(name)}</th><td>{_links(pages)}</td></tr>" for name, pages in rows)
    return (
        f'<!doctype html><html lang="zh"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>数据质量文档 · {html.escape(title)}</h1>"
        f"<table><tbody>{body}</tbody></table></body></html>"
    )


def _links(pages: Sequence[Path]) -> str:
    """Links relative to the list that holds them: `<day>/<province>/index.html` or `<table>.html`."""
    links = []
    for page in pages:
        is_list = page.name == "index.html"
        address = "/".join(page.parts[-3:]) if is_list else page.name
        links.append(f'<a href="{html.escape(address)}">{html.escape(page.parent.name if is_list else page.stem)}</a>')
    return " · ".join(links)
