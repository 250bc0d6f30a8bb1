"""What a server gives at once: as much as is asked for, until it says that this is too much."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from cheap.errors import TooLargeError
from cheap.rest.client.calls import Call, Reply, Steps, call
from cheap.rest.wire import contents, routes
from cheap.rest.wire.routes import Route
from cheap.store import check_limit

_BATCH: Final = 10_000


class Limits:
    """How many things to ask for at once, as far as that is known.

    Args:
        page_size: most items of a page.
    """

    def __init__(self, page_size: int) -> None:
        self._most = {"page_size": page_size, "batch_size": _BATCH}

    def page(
        self,
        limit: int,
        route: Route,
        *values: object,
        query: Sequence[tuple[str, object]],
        patience: float = 0.0,
    ) -> Steps[Reply]:
        """Ask for a page of so many items, or of as many as the server gives.

        Args:
            limit: how many.
            route: what is called.
            values: what stands in the place of the path's parameters.
            query: the rest of the query.
            patience: seconds that the server may take beyond what is usual.
        """

        def made(most: int) -> Call:
            page = call(route, *values, query=[*query, ("limit", most)])
            page.patience = patience
            return page

        reply, _ = yield from self.at_most("page_size", check_limit(limit), made)
        return reply

    def at_most(
        self, limit: str, wanted: int, made: Callable[[int], Call]
    ) -> Steps[tuple[Reply, int]]:
        """Ask for so many things, or for as many as the server takes; tell how many they were.

        Args:
            limit: the server's name for what bounds them.
            wanted: how many.
            made: makes the call that asks for a number of them.
        """
        asked = min(wanted, self._most[limit])
        try:
            return (yield made(asked)), asked
        except TooLargeError:
            reply = yield call(routes.ABOUT)
            _, limits = contents.read_about(reply.body)
            if limits.get(limit, asked) >= asked:
                raise  # it is something else that is too large
        self._most[limit] = asked = limits[limit]
        return (yield made(asked)), asked
