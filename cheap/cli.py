"""The command ``cheap``."""

from __future__ import annotations

import inspect
import re
import textwrap
from typing import Any, Final

import click

from cheap import __version__
from cheap.connecting import connect
from cheap.errors import CheapError, ConfigurationError
from cheap.rest.running import Workers, listen, serve, write_log
from cheap.rest.settings import Settings, read_settings

LEVELS: Final = ("critical", "error", "warning", "info", "debug")

_EXAMPLES: Final = """
Examples:

\b
  cheap serve
  cheap serve --port 0
  cheap serve --database sqlite:////var/lib/cheap/catalog.db --log-level info
  CHEAP_DATABASE_URL=postgresql://user:password@host/shop cheap serve --workers 4

The first serves the file catalog.db of this folder on http://127.0.0.1:8000; a browser finds the
documentation of its resources at /docs. Put a password into the environment, not into --database:
other users of the machine see the words of a command.
"""


def explained_settings() -> list[tuple[str, str, str]]:
    """Return each setting of the server: its variable, its default, and what it is."""
    text = (inspect.getdoc(Settings) or "").partition("Attributes:\n")[2]
    meaning = {
        name: " ".join(said.split()).replace("``", "")
        for name, said in re.findall(r"^ {4}(\w+): ((?:.|\n {5})+)", text, re.MULTILINE)
    }
    rows: list[tuple[str, str, str]] = []
    for name, each in Settings.model_fields.items():
        default = "" if each.default == () else str(each.default)
        said = re.sub(r":func:`([\w.]+)`", r"\1", meaning.get(name, ""))
        rows.append((f"CHEAP_{name.upper()}", default, said))
    return rows


def _environment() -> str:
    lines = ["Settings, each an environment variable:", "", "\b"]
    for variable, default, said in explained_settings():
        lines.append(f"  {variable}{f'  [{default}]' if default else ''}")
        lines += textwrap.wrap(said, 76, initial_indent=" " * 6, subsequent_indent=" " * 6)
    return "\n".join(lines)


class Refusal(click.ClickException):
    """What went wrong, told in one line."""

    def show(self, file: Any = None) -> None:
        """Say it on standard error."""
        click.echo(f"cheap: {' '.join(self.message.split())}", file=file, err=file is None)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Typed working copies of data that lives elsewhere."""


@main.command()
def version() -> None:
    """Print the version."""
    click.echo(__version__)


@main.command(
    "serve",
    short_help="Serve catalogs over HTTP.",
    help=f"Serve catalogs over HTTP until a signal comes.\n{_EXAMPLES}",
    epilog=_environment(),
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option(
    "--port", default=8000, show_default=True, type=click.IntRange(0, 65_535),
    help="The port; 0 for a free one.",
)  # fmt: skip
@click.option(
    "--database", metavar="URL", help="Where the catalogs are, in the place of CHEAP_DATABASE_URL."
)
@click.option(
    "--workers", default=1, show_default=True, type=click.IntRange(1, 256),
    help="How many processes serve.",
)  # fmt: skip
@click.option(
    "--log-level", default="warning", show_default=True, type=click.Choice(LEVELS),
    help="How much to log, on standard error; info has a line for each request.",
)  # fmt: skip
def serve_command(host: str, port: int, database: str | None, workers: int, log_level: str) -> None:
    """Serve catalogs over HTTP; its words stand above."""
    try:
        settings = read_settings(**({} if database is None else {"database_url": database}))
        _check(settings, workers)
        write_log(log_level)
        with listen(host, port) as door:
            name = f"[{host}]" if ":" in host else host
            address = f"http://{name}:{door.getsockname()[1]}"

            def ready() -> None:
                place = settings.database_url.rpartition("@")[2]  # without the password
                click.echo(f"Serving {place} at {address}/api")
                click.echo(f"Documentation: {address}/docs (stop with Ctrl+C)")

            if workers == 1:
                serve(settings, door, log_level=log_level, ready=ready)
            else:
                Workers(settings, door, workers, log_level=log_level).run(ready)
    except CheapError as error:
        raise Refusal(str(error)) from None


def _check(settings: Settings, workers: int) -> None:
    """See that the database is there and ours, before anything is served."""
    if settings.database_url.startswith("memory:"):
        if workers > 1:
            raise ConfigurationError(
                "memory: is each worker's own; take --workers 1, or a database that they can share"
            )
        return
    connect(settings.database_url).close()
