"""The async facade: every store, awaited, on asyncio and on trio."""

from cheap.aio.connecting import connect
from cheap.aio.dao import AsyncDao
from cheap.aio.hop import Watch, watch
from cheap.db.calls import Outcome

__all__ = ["AsyncDao", "Outcome", "Watch", "connect", "watch"]
