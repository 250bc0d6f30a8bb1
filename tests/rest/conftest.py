"""What tests of the server share."""

from __future__ import annotations

import pytest

from tests.rest.apps import LOOPS


@pytest.fixture(params=LOOPS)
def anyio_backend(request: pytest.FixtureRequest) -> str:
    loop: str = request.param
    return loop
