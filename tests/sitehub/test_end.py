"""How a command's process ends."""

import subprocess
import sys

import pytest

from tests.conftest import PROJECT_ROOT

PROGRAM = """
import atexit, sys, threading, time
from sitehub import cli

class Kept:
    def __del__(self):
        print("taken apart")

kept = Kept()
atexit.register(print, "exit functions")

def command():
    if {left}:
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    print("done")
    sys.exit({code!r})

cli.app = lambda **_: command()
cli.main()
"""


@pytest.mark.parametrize("code", [None, 0, 3])
@pytest.mark.parametrize("left", [False, True])
def test_python_is_not_taken_apart_under_a_thread(left: bool, code: int | None) -> None:
    """What was said is written, exit functions run, the code holds; objects are left to the system where a thread is
    left, which may come back from native code any moment."""
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(left=left, code=code)],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    said = ["done", "exit functions", *([] if left else ["taken apart"])]
    assert (ended.stdout.split("\n")[:-1], ended.returncode) == (said, code or 0)


def test_a_reason_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    """A command that ends with a sentence has it printed, and exit code 1, whatever is left."""
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(left=True, code="no such day")], cwd=PROJECT_ROOT, check=False
    )
    assert (ended.returncode, capfd.readouterr().err) == (1, "no such day\n")
