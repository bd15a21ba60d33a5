"""What is said to polars' allocator reaches it: whoever computes days loads the assets first."""

import subprocess
import sys

import pytest

SAID = "dirty_decay_ms:10000,muzzy_decay_ms:10000"
"""polars appends what it finds to its own when it is loaded; of two the allocator takes the last."""


@pytest.mark.parametrize(
    "loads",
    ["import assets.definitions", "import sitehub.commands.materialise; import assets.runs"],
    ids=["Dagster", "the command"],
)
def test_freed_memory_is_kept_for_ten_seconds(loads: str) -> None:
    """Also where the command line came first."""
    told = f"{loads}; import os; print(os.environ['_RJEM_MALLOC_CONF'])"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip().endswith(SAID)
    assert done.stdout.strip() != SAID
