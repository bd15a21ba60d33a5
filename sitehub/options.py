"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON on standard output.")]

Uploads = Annotated[
    Path,
    Parameter(
        help="The uploads: .jsonl (one JSON object a line), .csv (with a header), .avro (object container) or .hj212 "
        "(one frame a line)."
    ),
]
Province = Annotated[str, Parameter(help="The feed, e.g. jiangsu.")]
Kind = Annotated[str, Parameter(help="The kind of upload, e.g. dust-reading.")]
Vendor = Annotated[str | None, Parameter(help="The vendor whose own topic the uploads go to.")]
FileFormat = Annotated[
    Literal["jsonl", "csv", "avro", "hj212"] | None,
    Parameter("--format", help="The file's format; the suffix tells it when left out."),
]
