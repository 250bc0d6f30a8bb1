"""Clients of a CheapPy server: blocking and awaited, with the verbs of the contract."""

from cheap.rest.client.async_client import AsyncCheapClient
from cheap.rest.client.client import CheapClient
from cheap.rest.client.config import CheapClientConfig
from cheap.rest.client.lines import Refusal, Uploaded

__all__ = [
    "AsyncCheapClient",
    "CheapClient",
    "CheapClientConfig",
    "Refusal",
    "Uploaded",
]
