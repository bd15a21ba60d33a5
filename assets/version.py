"""Which code made a figure (代码版本)."""

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RULES = ("pipelines/**/*.py", "avro_schemas/limits/*.yaml")


@cache
def code_version() -> str:
    """The release and a hash of the rules: `0.1.0+1a2b3c4d`. Equal text means equal rules, whatever was committed."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in RULES for path in ROOT.glob(pattern)):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return f"{version('sitehub')}+{digest.hexdigest()[:8]}"
