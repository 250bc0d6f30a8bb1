"""Settings of the server, from the environment; the only place that reads it."""

from __future__ import annotations

import os
import re
from difflib import get_close_matches
from typing import Annotated, Any, Final

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from cheap.errors import ConfigurationError
from cheap.rest.wire.bodies import MAX_DEPTH
from cheap.rest.wire.routes import Scope

Words = Annotated[tuple[str, ...], NoDecode]


_VISIBLE: Final = re.compile("[!-~]+")
_ALIKE: Final = 0.8
"""From so much likeness on (1: equal) a variable is one of ours, mistyped."""


class Settings(BaseSettings):
    """Settings of the server; each is an environment variable with ``CHEAP_`` in front.

    Attributes:
        database_url: where the catalogs are kept; see :func:`cheap.connect`.
        api_keys: ``read:KEY`` and ``write:KEY``, separated by commas; none: no key is asked for.
        page_size: items on a page when the request does not say.
        max_page_size: most items on a page.
        max_batch: most entities of one query.
        max_body: most bytes of a JSON body; streams of records and large values have no such limit.
        max_depth: how deep JSON may be nested in a body.
        max_requests: most requests in hand at once; further ones are told to come again.
        request_timeout: seconds that a call, or one page of a stream, may take, and that the caller
            may take to send a JSON body, or to send or read a piece of a stream.
        stop_timeout: seconds for the requests in hand when the server stops.
        answer_lifetime: seconds for which answers to idempotency keys are kept.
        deletion_interval: seconds between looks for catalogs that are due to be deleted.
        cors_origins: origins whose pages may call, separated by commas; none: no CORS.
    """

    model_config = SettingsConfigDict(env_prefix="CHEAP_", extra="ignore", frozen=True)

    database_url: str = Field("sqlite:///catalog.db", repr=False)
    api_keys: Words = Field((), repr=False)
    page_size: int = Field(20, ge=1)
    max_page_size: int = Field(1_000, ge=1, le=10_000)
    max_batch: int = Field(10_000, ge=1)
    max_body: int = Field(64 * 1024 * 1024, ge=1)
    max_depth: int = Field(MAX_DEPTH, ge=1, le=900)
    max_requests: int = Field(500, ge=1)
    request_timeout: float = Field(60.0, gt=0, allow_inf_nan=False)
    stop_timeout: float = Field(20.0, ge=0, allow_inf_nan=False)
    answer_lifetime: int = Field(86_400, ge=1)
    deletion_interval: float = Field(5.0, gt=0, allow_inf_nan=False)
    cors_origins: Words = ()

    @field_validator("api_keys", "cors_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(each.strip() for each in value.split(",") if each.strip())
        return value

    @field_validator("api_keys")
    @classmethod
    def _scoped(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            scope, _, key = each.partition(":")
            if scope not in (Scope.READ.value, Scope.WRITE.value) or len(key) < 16:
                # Without the key: messages end up in logs.
                raise ValueError("expected read:KEY or write:KEY, of at least 16 characters each")
            if not _VISIBLE.fullmatch(key):  # a header cannot bear it
                raise ValueError("expected keys of visible characters of ASCII")
        return value


def read_settings(**given: Any) -> Settings:
    """Return the settings of the environment.

    Args:
        given: settings that take the place of the environment's.

    Raises:
        ConfigurationError: one of them makes no sense, or is mistyped; the message names it.
    """
    if mistyped := _mistyped():
        raise ConfigurationError("; ".join(mistyped))
    try:
        return Settings(**given)
    except ValidationError as error:
        faults = [
            f"CHEAP_{'_'.join(map(str, each['loc'])).upper()}: "
            + each["msg"].removeprefix("Value error, ")
            for each in error.errors(include_input=False)
        ]
        raise ConfigurationError("; ".join(faults)) from None


def _mistyped() -> list[str]:
    """Tell of variables that are nearly ours: ``CHEAP_API_KEY`` would leave the server open."""
    known = {f"CHEAP_{name.upper()}" for name in Settings.model_fields}
    return [
        f"{name}: there is no such setting; did you mean {meant[0]}?"
        for name in sorted({each.upper() for each in os.environ} - known)
        if (meant := get_close_matches(name, known, 1, _ALIKE))
    ]
