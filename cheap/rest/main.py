"""Where the server is put together: ``uvicorn cheap.rest.main:app``, or ``create_app()``."""

from __future__ import annotations

from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.applications import Starlette

from cheap.connecting import connect
from cheap.rest.app import make_app
from cheap.rest.settings import Settings, read_settings
from cheap.store import Desk


def create_app(
    database_url: str | None = None,
    *,
    settings: Settings | None = None,
    store: Desk | None = None,
) -> Starlette:
    """Return an app, to be served, mounted or tested.

    Its lifespan opens and closes the store. Where nobody runs the lifespan (a test's transport, a
    mounted app), the store is opened by the first request, and deletions that are due wait.

    Args:
        database_url: where the catalogs are kept, in the place of the settings' address.
        settings: of the server; those of the environment when not given.
        store: a blocking store that is open already, and stays so: whoever opened it closes it.

    Raises:
        ConfigurationError: a setting of the environment makes no sense.

    Example:
        >>> app = create_app("sqlite:///catalog.db")
    """
    given: dict[str, Any] = {} if database_url is None else {"database_url": database_url}
    if settings is None:
        settings = read_settings(**given)
    elif given:
        settings = settings.model_copy(update=given)
    if store is not None:
        kind = type(getattr(store, "adapter", store)).__name__
        word = kind.removesuffix("Adapter").removesuffix("Dao").lower()
        opened = store
        return make_app(settings, lambda: opened, _NAMES.get(word, word), owns_store=False)
    scheme = urlsplit(settings.database_url).scheme
    open_store = partial(connect, settings.database_url)
    return make_app(settings, open_store, _NAMES.get(scheme, scheme), owns_store=True)


_NAMES: Final = {"postgres": "postgresql", "mysql": "mariadb"}
"""One name for each database, whichever way it was given."""


def __getattr__(name: str) -> Starlette:
    # Made when it is asked for, so that importing this module reads no settings.
    if name != "app":
        raise AttributeError(name)
    made = create_app()
    globals()["app"] = made
    return made
