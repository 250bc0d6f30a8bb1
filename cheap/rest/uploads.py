"""Streams that come in: records batch by batch, a large value piece by piece."""

from __future__ import annotations

import codecs
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from functools import partial
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

import msgspec

from cheap.core.checks import Refused
from cheap.core.codecs import Codec, codec_of
from cheap.core.edits import PutAspects
from cheap.core.forms import read_uuid
from cheap.core.hierarchies import AspectMap
from cheap.errors import CheapError, InvalidValueError, MalformedRequestError, TooLargeError
from cheap.rest.messages import Answer, Request, answer, etag
from cheap.rest.serving import Serving
from cheap.rest.wire.bodies import check_json, members
from cheap.rest.wire.problems import faults_of
from cheap.store import Desk

BATCH: Final = 1_000
"""Records that are put in one transaction, at most."""
BATCH_SIZE: Final = 4 * 1024 * 1024
"""Bytes of records after which they are put, however few they are."""

_REFUSED_TOLD: Final = 1_000

Chunks = AsyncIterator[bytes]


async def write_value(serving: Serving, request: Request, body: Chunks) -> Answer:
    """Write one large value as it comes; text in UTF-8 for a CLOB, bytes for a BLOB."""
    catalog_id, name, entity, prop = request.path
    is_text = request.headers.get("content-type", "").startswith("text/")
    dao = await serving.dao()
    async with aclosing(_texts(body)) as texts:
        given = texts if is_text else body
        written = await dao.write_value(catalog_id, name, entity, prop, given)
    return answer({"size": written.size, "digest": written.digest})


async def _texts(body: Chunks) -> AsyncGenerator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        async for chunk in body:
            yield decoder.decode(chunk)
        yield decoder.decode(b"", True)
    except UnicodeDecodeError as error:
        raise MalformedRequestError("$", f"the text is not UTF-8 ({error.reason})") from None


class Upserting:
    """Records that come in lines, and what becomes of them."""

    def __init__(self, serving: Serving, request: Request) -> None:
        self._serving = serving
        self._catalog_id, self._name = request.path
        self._is_conditional = "if-match" in request.headers
        self._depth = request.settings.max_depth
        self._most = request.settings.max_body
        self._received = 0
        self._written = 0
        self._revision = 0
        self._refused: list[dict[str, Any]] = []

    async def run(self, body: Chunks) -> Answer:
        """Put every record that is right, batch by batch, and tell of the others."""
        if self._is_conditional:
            raise MalformedRequestError(
                "header.If-Match", "lines are put in many steps: send JSON to heed it"
            )
        await self._serving.run(self._begin)
        rest = bytearray()  # of a line; to join bytes again and again would be quadratic
        lines: list[bytes] = []
        size = 0
        async for chunk in body:
            size += len(chunk)
            *whole, last = chunk.split(b"\n")
            if whole:
                whole[0] = bytes(rest + whole[0])
                rest.clear()
                lines += whole
            rest += last
            if len(rest) > self._most:
                raise TooLargeError(f"a line is longer than {self._most:,} bytes")
            while len(lines) >= BATCH or (lines and size >= BATCH_SIZE):
                await self._serving.run(partial(self._put, lines[:BATCH]), write=True)
                del lines[:BATCH]
            size = size if lines else len(rest)
        lines.append(bytes(rest))
        await self._serving.run(partial(self._put, lines), write=True)
        form = {
            "revision": self._revision,
            "received": self._received,
            "written": self._written,
            "refused": sorted(self._refused, key=itemgetter("line")),
        }
        clean = self._written == self._received
        return answer(form, 200 if clean else 207, etag=etag(self._revision))

    def _begin(self, store: Desk) -> None:
        """See that there is such a map, before anything is read."""
        self._revision = store.get_catalog(self._catalog_id).revision
        store.get_aspects(self._catalog_id, self._name, [])

    def _put(self, lines: list[bytes], store: Desk) -> None:
        codec = codec_of(store.get_aspect_def(self._catalog_id, self._name))
        records: list[tuple[int, UUID, bytes]] = []
        for text in lines:
            if not text.strip():
                continue
            self._received += 1
            try:
                entity, packed = self._read(text, codec)
            except CheapError as error:
                self._refuse(self._received, error)
                continue
            records.append((self._received, entity, packed))
        if not records:
            return
        try:
            self._commit(store, codec, {entity: packed for _, entity, packed in records})
            self._written += len(records)
        except InvalidValueError:
            # What stands for a large value that is not there: the one line is refused, not
            # another of the same entity.
            for line, entity, packed in records:
                try:
                    self._commit(store, codec, {entity: packed})
                    self._written += 1
                except InvalidValueError as error:
                    self._refuse(line, error)

    def _commit(self, store: Desk, codec: Codec, records: dict[UUID, bytes]) -> None:
        aspects = AspectMap.of_packed(codec.definition, records)
        done = store.commit(self._catalog_id, [PutAspects(self._name, aspects)])
        self._revision = done.revision

    def _read(self, line: bytes, codec: Codec) -> tuple[UUID, bytes]:
        check_json(line, self._depth)
        parts = members(line, "$")
        if parts.keys() != {"entity", "aspect"}:
            raise MalformedRequestError("$", "expected the keys entity and aspect, and no other")
        try:
            entity = read_uuid(msgspec.json.decode(parts["entity"]))
        except (Refused, msgspec.DecodeError):
            raise MalformedRequestError("$.entity", "expected a UUID") from None
        return entity, codec.pack_json(parts["aspect"], entity)

    def _refuse(self, line: int, error: CheapError) -> None:
        if len(self._refused) >= _REFUSED_TOLD:
            return
        where = error.where if isinstance(error, InvalidValueError) else None
        self._refused.append(
            {
                "line": line,
                "entity": where,
                "code": error.code,
                "detail": str(error).encode(errors="backslashreplace").decode(),
                "errors": faults_of(error),
            }
        )


async def upsert_lines(serving: Serving, request: Request, body: Chunks) -> Answer:
    """Put records that come in lines of ``{"entity", "aspect"}``."""
    return await Upserting(serving, request).run(body)
