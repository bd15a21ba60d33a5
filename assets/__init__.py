"""From the lake to daily figures and reports, by day and province (Dagster 资产)."""

import os
from typing import Final

ALLOCATOR: Final = "_RJEM_MALLOC_CONF"
KEEPS_FREED_MEMORY: Final = "dirty_decay_ms:10000,muzzy_decay_ms:10000"
"""polars gives memory back half a second after it was freed, and is soon given the same again, page by page. It reads
this when it is loaded, which is why it stands here (docs/decisions/0045-freed-memory-is-kept.md)."""

said = os.environ.get(ALLOCATOR, "")  # perhaps polars' own word, of the process that started this one
if KEEPS_FREED_MEMORY not in said:
    os.environ[ALLOCATOR] = f"{said},{KEEPS_FREED_MEMORY}".lstrip(",")
