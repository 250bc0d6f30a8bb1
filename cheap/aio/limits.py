"""The limiter that limits nothing."""

from __future__ import annotations

from typing import Final, Self

from anyio import CapacityLimiter


class Unlimited(CapacityLimiter):
    """A limiter without a limit, for threads that are bounded otherwise.

    One of anyio's own, as wide as it may be, costs a round of the event loop for each call.
    """

    def __new__(cls) -> Self:
        return object.__new__(cls)

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, *error: object) -> None:
        pass

    async def acquire_on_behalf_of(self, borrower: object) -> None:
        pass

    def release_on_behalf_of(self, borrower: object) -> None:
        pass


_unlimited: Final = Unlimited()


def unlimited() -> CapacityLimiter:
    """The limiter without a limit."""
    return _unlimited
