"""One view, five files."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from reports.html import render_html
from reports.model import DustReportView
from reports.paper import render_pdf, render_png
from reports.tables import write_tables
from reports.xlsx import render_xlsx

WRITERS: dict[str, Callable[[DustReportView, Path], object]] = {
    "html": lambda view, path: path.write_text(render_html(view), "utf-8"),
    "xlsx": render_xlsx,
    "pdf": lambda view, path: path.write_bytes(render_pdf(view)),
    "png": lambda view, path: path.write_bytes(render_png(view)),
    "zip": lambda view, path: write_tables(view.tables, path),
}
KINDS = tuple(WRITERS)


def render_all(view: DustReportView, folder: Path, kinds: Sequence[str] = KINDS) -> dict[str, Path]:
    """Write the report as files of the given kinds into `folder`; the same view gives the same bytes.

    Each file takes its place when it is whole: whoever reads meanwhile has the old one, and a fault leaves it there.
    Two are drawn beside each other: typst and the ZIP's compression leave the interpreter to the workbook.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = {kind: folder / f"dust-{view.province}-{view.day}.{kind}" for kind in kinds}
    with TemporaryDirectory(dir=folder, prefix=".") as drafts, ThreadPoolExecutor(max_workers=2) as hands:

        def draw(kind: str) -> None:
            draft = Path(drafts, files[kind].name)
            WRITERS[kind](view, draft)
            draft.replace(files[kind])

        for drawn in [hands.submit(draw, kind) for kind in files]:
            drawn.result()
    return files
