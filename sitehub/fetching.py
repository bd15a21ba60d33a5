"""Fetching broker and registry with something to look at (下载进度)."""

import sys

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from infra.packages import Packages, fetch, missing_bytes
from infra.stack.trained import train
from sitehub.settings import Settings

TITLE = "Fetching Kafka and the registry (once)"


def fetch_packages(settings: Settings) -> Packages:
    """The packages from the cache; where they are missing a progress bar, or two lines without a terminal.

    The first time on a machine Java then learns Kafka's classes: a quarter of a minute.
    """
    packages = _fetched(settings)
    train(packages)
    return packages


def _fetched(settings: Settings) -> Packages:
    total = missing_bytes(settings.cache_dir)
    if not total:
        return fetch(settings.cache_dir, settings.maven_url)
    if not sys.stderr.isatty():
        console = Console(stderr=True, soft_wrap=True)
        console.print(f"{TITLE}: {total / 1e6:.0f} MB into {settings.cache_dir}")
        packages = fetch(settings.cache_dir, settings.maven_url)
        console.print("Fetched and checked.")
        return packages
    columns = (TextColumn(TITLE), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(TITLE, total=total)
        return fetch(settings.cache_dir, settings.maven_url, lambda size: progress.advance(task, size))
