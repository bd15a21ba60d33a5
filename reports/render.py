"""One view, four files."""

from pathlib import Path

from reports.html import render_html
from reports.model import DustReportView
from reports.paper import render_pdf, render_png
from reports.xlsx import render_xlsx


def render_all(view: DustReportView, folder: Path) -> dict[str, Path]:
    """Write the report as html, xlsx, pdf and png into `folder`; the same view gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {kind: folder / f"dust-{view.province}-{view.day}.{kind}" for kind in ("html", "xlsx", "pdf", "png")}
    files["html"].write_text(render_html(view), "utf-8")
    render_xlsx(view, files["xlsx"])
    files["pdf"].write_bytes(render_pdf(view))
    files["png"].write_bytes(render_png(view))
    return files
