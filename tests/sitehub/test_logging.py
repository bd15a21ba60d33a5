"""What a process writes when it is not on a terminal."""

import json
import signal
import subprocess
import sys

SCRIPT = """
import asyncio, logging, threading, warnings
import structlog
from sitehub.logging import configure_logging

configure_logging()
SECRET = "320102199003071234"
error = ValueError(f"no such device: {SECRET}")
logging.getLogger("mode.services").error("Crashed reason=%r", error)
logging.getLogger("aiokafka").warning("Heartbeat failed for group %s", "sitehub-x")

def fail(row):
    raise error

async def forgotten():
    task = asyncio.create_task(asyncio.to_thread(fail, SECRET))
    await asyncio.sleep(0.1)

asyncio.run(forgotten())
try:
    fail(SECRET)
except ValueError:
    structlog.get_logger().exception("own", topic="raw.x.y")
warnings.warn("old")
thread = threading.Thread(target=fail, args=[SECRET], name="worker")
thread.start()
thread.join()
fail(SECRET)
"""


def test_every_line_is_json_and_no_error_is_quoted() -> None:
    """Own lines, libraries', a forgotten task's, a warning, a thread's last word and the process's."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "320102199003071234" not in done.stderr
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    crashed, heartbeat, task, own, warning, thread, uncaught = lines
    assert crashed["event"] == "Crashed reason='ValueError'"
    assert (heartbeat["event"], heartbeat["logger"]) == ("Heartbeat failed for group sitehub-x", "aiokafka")
    assert task["event"] == "Task exception was never retrieved"
    assert (own["event"], own["topic"]) == ("own", "raw.x.y")
    assert warning["logger"] == "py.warnings"
    assert thread["thread"] == "worker"
    assert uncaught["level"] == "critical"
    for line in (task, own, thread, uncaught):
        assert line["error"].startswith("ValueError: ")
        assert " fail" in line["error"]


CRASH = """
import ctypes
from sitehub.logging import configure_logging

def touch_nothing():
    ctypes.string_at(0)

configure_logging()
touch_nothing()
"""


def test_a_process_that_native_code_ends_tells_where() -> None:
    """An exit code of -11 alone would not tell which of a worker's threads it was."""
    done = subprocess.run([sys.executable, "-c", CRASH], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGSEGV
    assert "Segmentation fault" in done.stderr
    assert "in touch_nothing" in done.stderr
