"""Settings: from the environment, checked, and never told where they are secret."""

from __future__ import annotations

import os
import pickle

import pytest

from cheap.errors import ConfigurationError
from cheap.rest.main import create_app
from cheap.rest.settings import Settings, read_settings

KEY = "a-key-that-nobody-knows"


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("CHEAP_"):
            monkeypatch.delenv(name)


def test_defaults() -> None:
    assert read_settings() == Settings()
    assert read_settings().database_url == "sqlite:///catalog.db"


def test_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHEAP_API_KEYS", f" read:{KEY}-1 , write:{KEY}-2,")
    monkeypatch.setenv("CHEAP_CORS_ORIGINS", "https://a.example,https://b.example")
    monkeypatch.setenv("CHEAP_PAGE_SIZE", "7")
    monkeypatch.setenv("CHEAP_STOP_TIMEOUT", "0.5")
    monkeypatch.setenv("CHEAP_TEST_POSTGRES_URL", "not a setting")
    settings = read_settings(max_batch=3)
    assert settings.api_keys == (f"read:{KEY}-1", f"write:{KEY}-2")
    assert settings.cors_origins == ("https://a.example", "https://b.example")
    assert (settings.page_size, settings.stop_timeout, settings.max_batch) == (7, 0.5, 3)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("CHEAP_API_KEY", "CHEAP_API_KEYS"),
        ("CHEAP_DATABASE", "CHEAP_DATABASE_URL"),
        ("CHEAP_MAX_BODY_SIZE", "CHEAP_MAX_BODY"),
        ("cheap_max_request", "CHEAP_MAX_REQUESTS"),
    ],
)
def test_what_is_mistyped_is_refused(
    name: str, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a server that is thought to be closed would be open."""
    monkeypatch.setenv(name, KEY)
    with pytest.raises(ConfigurationError) as caught:
        create_app()
    assert str(caught.value) == f"{name.upper()}: there is no such setting; did you mean {meant}?"


def test_variables_of_others_are_not_minded(monkeypatch: pytest.MonkeyPatch) -> None:
    # As Kubernetes sets them for a service called cheap.
    for name in ("CHEAP_SERVICE_HOST", "CHEAP_PORT", "CHEAP_PORT_8000_TCP_ADDR", "CHEAP_X"):
        monkeypatch.setenv(name, "x")
    assert read_settings() == Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PAGE_SIZE", "0"),
        ("PAGE_SIZE", "many"),
        ("MAX_PAGE_SIZE", "10001"),
        ("MAX_BATCH", "-1"),
        ("MAX_BODY", "1.5"),
        ("MAX_DEPTH", "901"),
        ("MAX_REQUESTS", ""),
        ("REQUEST_TIMEOUT", "0"),
        ("STOP_TIMEOUT", "-1"),
        ("STOP_TIMEOUT", "nan"),
        ("REQUEST_TIMEOUT", "inf"),
        ("ANSWER_LIFETIME", "x"),
        ("DELETION_INTERVAL", "0"),
    ],
)
def test_what_makes_no_sense_is_named(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"CHEAP_{name}", value)
    with pytest.raises(ConfigurationError, match=rf"^CHEAP_{name}: [^;]+$"):
        read_settings()
    with pytest.raises(ConfigurationError):
        create_app()


def test_all_faults_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHEAP_PAGE_SIZE", "x")
    monkeypatch.setenv("CHEAP_MAX_BODY", "y")
    with pytest.raises(ConfigurationError, match=r"CHEAP_PAGE_SIZE: .*; CHEAP_MAX_BODY: "):
        read_settings()


@pytest.mark.parametrize("keys", [f"admin:{KEY}", KEY, "read:short", f"READ:{KEY}", f":{KEY}"])
def test_keys_are_checked_and_not_told(keys: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHEAP_API_KEYS", keys)
    with pytest.raises(ConfigurationError, match="at least 16 characters") as refusal:
        read_settings()
    told: BaseException | None = refusal.value
    assert told.__cause__ is None
    assert told.__suppress_context__
    assert KEY not in str(told)
    assert "short" not in str(told)


@pytest.mark.parametrize(
    "key", ["schlüssel-geheim-123", "two words of length", "a\ttab-0123456789"]
)
def test_keys_that_no_header_can_bear(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHEAP_API_KEYS", f"write:{key}")
    with pytest.raises(
        ConfigurationError, match="CHEAP_API_KEYS: expected keys of visible"
    ) as told:
        read_settings()
    assert key[:3] not in str(told.value)


def test_secrets_are_never_shown() -> None:
    url = f"postgresql://user:{KEY}@host/shop"
    settings = read_settings(api_keys=f"write:{KEY}", database_url=url)
    assert KEY not in f"{settings} {settings!r} {[settings]}"


def test_settings_stay_as_they_are() -> None:
    settings = Settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.page_size = 3  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(settings)) == settings, "workers are given them"
