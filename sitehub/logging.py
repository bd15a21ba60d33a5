"""How the commands log (日志): lines for people on a terminal, one JSON object a line elsewhere; always on stderr.

What is logged are names of topics, kinds, fields and reasons, counts and positions; never a value of an upload. What
libraries log comes out in the same form, theirs and our own errors by kind and place alone: the text of an error, and
what Python prints of one that nobody caught, may quote a row. A process that native code ends (SIGSEGV) tells where
each of its threads was: files and lines, no values.
"""

import faulthandler
import logging
import sys
import threading
from types import TracebackType

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

log = structlog.get_logger(__name__)


def configure_logging() -> None:
    """Set up structlog, the standard library's logging and the last words of an uncaught error for this process."""
    on_terminal = sys.stderr.isatty()
    renderer: Processor = (
        structlog.dev.ConsoleRenderer() if on_terminal else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    common: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        describe_errors,
    ]
    structlog.configure(
        processors=[*common, renderer],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *common],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    handler.addFilter(quote_no_error)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.captureWarnings(capture=True)
    if sys.__stderr__ is not None:
        faulthandler.enable(sys.__stderr__)
    if not on_terminal:
        sys.excepthook = _uncaught
        threading.excepthook = _uncaught_in_thread


def describe_errors(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Put an error's kind and place in the place of the error and its traceback."""
    raised = event.pop("exc_info", None)
    if raised is True:
        raised = sys.exc_info()
    error = raised[1] if isinstance(raised, tuple) else raised
    if isinstance(error, BaseException):
        event["error"] = _described(error)
    return event


def quote_no_error(record: logging.LogRecord) -> bool:
    """A library's message keeps its first line (asyncio quotes the failed task below it), and errors in it are named
    instead of quoted."""
    if isinstance(record.args, tuple):
        record.args = tuple(_described(one) if isinstance(one, BaseException) else one for one in record.args)
    record.msg, record.args = record.getMessage().split("\n", 1)[0], ()
    return True


def _described(error: BaseException) -> str:
    from streams.described import described

    return described(error)


def _uncaught(kind: type[BaseException], error: BaseException, _traceback: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    log.critical("uncaught error: the process ends", error=_described(error))


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    name = args.thread.name if args.thread else ""
    log.critical("uncaught error: a thread has ended", thread=name, error=_described(args.exc_value or args.exc_type()))
