"""JSON read token by token, for what may be nested deeper than any parser's stack: trees."""

from __future__ import annotations

import re
from typing import Final

import msgspec
from msgspec import Raw

from cheap.errors import InvalidDocumentError

_TOKEN = re.compile(rb'[ \t\r\n]*+("(?:[^"\\\x00-\x1f]|\\.)*+"|[{}\[\]:,]|[-+.\w]++)', re.DOTALL)
_BRACKET = re.compile(rb'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+")*+([{}\[\]])', re.DOTALL)
_STRING: Final = msgspec.json.Decoder(str)


class Tokens:
    """The tokens of a JSON text, one after the other.

    Args:
        text: the text.
        path: where it stands in the document.
    """

    def __init__(self, text: memoryview, path: str) -> None:
        self.text = text
        self.path = path
        self.start = 0
        self.end = 0

    def next(self) -> bytes:
        """Return the next token: a bracket, a mark, a string with its quotes, a word.

        Raises:
            InvalidDocumentError: the text ends, or is no JSON.
        """
        found = _TOKEN.match(self.text, self.end)
        if found is None:
            raise InvalidDocumentError(self.path, f"malformed JSON at byte {self.end:,}")
        self.start, self.end = found.span(1)
        return found[1]

    def expect(self, mark: bytes) -> None:
        """Go beyond a mark.

        Raises:
            InvalidDocumentError: something else comes.
        """
        got = self.next()
        if got != mark:
            raise self.unexpected(got, mark.decode())

    def string(self, token: bytes) -> str:
        """Decode a token that is a string.

        Raises:
            InvalidDocumentError: it is none, or not in UTF-8.
        """
        try:
            return _STRING.decode(token)
        except msgspec.DecodeError:
            raise self.unexpected(token, "text") from None
        except UnicodeDecodeError as error:
            raise InvalidDocumentError(
                self.path, f"the text is not UTF-8 ({error.reason})"
            ) from None

    def finish(self) -> None:
        """Say that nothing may follow.

        Raises:
            InvalidDocumentError: something does.
        """
        if bytes(self.text[self.end :]).strip(b" \t\r\n"):
            raise InvalidDocumentError(self.path, f"something follows at byte {self.end:,}")

    def unexpected(
        self, got: bytes, expected: str, path: str | None = None
    ) -> InvalidDocumentError:
        """Return the error for a token that does not belong here."""
        shown = got[:40].decode(errors="replace")
        return InvalidDocumentError(
            self.path if path is None else path,
            f"expected {expected}, got {shown} at byte {self.start:,}",
        )

    def skip(self, token: bytes) -> None:
        """Go beyond a value that begins with this token, and do not look what is in it.

        Raises:
            InvalidDocumentError: it does not end.
        """
        if token not in (b"{", b"["):
            return
        depth, text, match = 1, self.text, _BRACKET.match
        while depth:
            found = match(text, self.end)
            if found is None:
                raise InvalidDocumentError(self.path, f"malformed JSON at byte {self.end:,}")
            self.end = found.end()
            depth += 1 if found[1] in (b"{", b"[") else -1


def split_object(tokens: Tokens) -> dict[str, Raw]:
    """Return the members of an object, not decoded, however deep they are.

    Raises:
        InvalidDocumentError: it is no object.
    """
    found: dict[str, Raw] = {}
    tokens.expect(b"{")
    token = tokens.next()
    while token != b"}":
        if found:
            if token != b",":
                raise tokens.unexpected(token, "a comma")
            token = tokens.next()
        key = tokens.string(token)
        tokens.expect(b":")
        token = tokens.next()
        start = tokens.start
        tokens.skip(token)
        found[key] = Raw(bytes(tokens.text[start : tokens.end]))
        token = tokens.next()
    tokens.finish()
    return found
