"""`edge-agent models`: which models there are, fetch one, check what is here, remove one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import psutil
import typer
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from edge_agent.cli.console import complain, console, error_console, note, problems
from edge_agent.cli.options import ConfigOption, SetOption
from edge_agent.configuration import load_settings
from edge_agent.errors import DownloadError, ModelFileError
from edge_agent.models import (
    Auto,
    HubFile,
    ListedModel,
    LocalFile,
    best_for_memory,
    hub_file,
    list_models,
    model_store,
    parse_source,
    pull,
)
from edge_agent.models import Progress as OnProgress

app = typer.Typer(help="List, fetch, check and remove models.", no_args_is_help=True)


@app.command("list")
def list_(config: ConfigOption = None, set_: SetOption = None) -> None:
    """List the models that are known or downloaded. The size of one that is not downloaded is approximate."""
    with problems():
        settings = load_settings(config, set_ or [])
        memory_bytes = _memory_bytes()
        listed = list_models(settings.model, settings.agent.state_dir, memory_bytes)
    if console.is_terminal:
        console.print(_table(listed))
    else:
        for model in listed:
            print("\t".join(_row(model)))
    note(f"This board has {decimal(memory_bytes)} of memory. model.source is {settings.model.source}.")


def _table(listed: tuple[ListedModel, ...]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("name", "quantization", "size", "fits", "downloaded", "in use", "notes"):
        table.add_column(title, justify="right" if title == "size" else "left", overflow="fold")
    for model in listed:
        table.add_row(*_row(model), style="bold" if model.in_use else None if model.fits else "dim")
    return table


def _row(model: ListedModel) -> tuple[str, ...]:
    downloaded = model.downloaded.downloaded_at[:10] if model.downloaded else "no"
    size = decimal(model.size_bytes) if model.downloaded else f"~{decimal(model.size_bytes)}"
    fits, in_use = ("yes" if model.fits else "no"), ("in use" if model.in_use else "")
    return (model.name, model.quantization or "?", size, fits, downloaded, in_use, model.notes)


@app.command("pull")
def pull_(
    name: Annotated[str, typer.Argument(help="A name from the list, `auto`, or hf:<repository>/<file>.")],
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit; the newest where absent.")] = None,
    config: ConfigOption = None,
    set_: SetOption = None,
) -> None:
    """Fetch a model from the hub. An interrupted download goes on where it was."""
    with problems():
        settings = load_settings(config, set_ or [])
        wanted = _hub_file(name, revision)
        if settings.model.offline:
            raise DownloadError("model.offline forbids to ask the hub. Set it to false to pull.")
        store = model_store(settings.agent.state_dir)
        with _progress(wanted.name) as on_progress:
            stored = pull(wanted, store, on_progress)
        _say(f"{stored.name} is here, whole and checked: {store.path(stored)}")


def _hub_file(name: str, revision: str | None = None) -> HubFile:
    source = parse_source(name)
    if isinstance(source, LocalFile):
        raise typer.BadParameter(f"{name} is a file of yours, not one of the hub.", param_hint="NAME")
    wanted = hub_file(best_for_memory(_memory_bytes())) if isinstance(source, Auto) else source
    return HubFile(wanted.repository, wanted.file, revision or wanted.revision)


@contextmanager
def _progress(description: str) -> Iterator[OnProgress]:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=error_console) as progress:
        task = progress.add_task(description, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@app.command()
def verify(
    name: Annotated[str | None, typer.Argument(help="A downloaded model; all of them where absent.")] = None,
    config: ConfigOption = None,
    set_: SetOption = None,
) -> None:
    """Read downloaded models whole, and compare them with what the hub promised."""
    failed = False
    with problems():
        store = model_store(load_settings(config, set_ or []).agent.state_dir)
        for stored in (store.named(name),) if name else store.records():
            try:
                header = store.verify(stored)
            except ModelFileError as error:
                failed = True
                complain(str(error))
            else:
                _say(f"{stored.name}: right ({header.architecture}, {header.tensor_count} tensors)")
    if failed:
        raise typer.Exit(1)


@app.command()
def remove(
    name: Annotated[str, typer.Argument(help="A model that is downloaded, or half downloaded.")],
    config: ConfigOption = None,
    set_: SetOption = None,
) -> None:
    """Delete a downloaded model, and what came of an unfinished download."""
    with problems():
        store = model_store(load_settings(config, set_ or []).agent.state_dir)
        downloaded = any(stored.is_called(name) for stored in store.records())
        wanted = store.named(name).hub_file if downloaded else _hub_file(name)
        freed_bytes = store.remove(wanted)
        _say(f"{wanted.name} is removed; {decimal(freed_bytes)} are free again.")


def _memory_bytes() -> int:
    return psutil.virtual_memory().total


def _say(text: str) -> None:
    console.print(text, markup=False, soft_wrap=True)
