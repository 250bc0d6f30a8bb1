"""The documentation page: the OpenAPI document as HTML, which needs no internet and no script."""

from __future__ import annotations

import json
from functools import lru_cache
from html import escape
from typing import Any, Final

_STYLE: Final = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
summary { cursor: pointer; padding: .3rem 0 }
code, pre { font: .9em/1.4 ui-monospace, monospace }
pre { overflow: auto; padding: .8rem; border: 1px solid #8886; border-radius: 4px }
table { border-collapse: collapse } td, th { text-align: left; padding: .2rem 1rem .2rem 0 }
.method { display: inline-block; min-width: 4.5rem; font-weight: 600 }
"""


def page(document: dict[str, Any]) -> bytes:
    """Return the page of an OpenAPI document."""
    return _page(json.dumps(document))


@lru_cache(maxsize=1)
def _page(text: str) -> bytes:
    document = json.loads(text)
    info = document["info"]
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        "<meta name=viewport content='width=device-width, initial-scale=1'>",
        f"<title>{escape(info['title'])}</title><style>{_STYLE}</style>",
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>",
        f"<p>{escape(info['summary'])} <a href=openapi.json>openapi.json</a></p>",
    ]
    tags: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, each in operations.items():
            tags.setdefault(each["tags"][0], []).append(_operation(method, path, each))
    for tag, operations in tags.items():
        parts += [f"<h2>{escape(tag.capitalize())}</h2>", *operations]
    parts.append("<h2>Shapes</h2>")
    parts += map(_shape, document["components"]["schemas"].items())
    return "".join(parts).encode()


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    rows = [
        f"<tr><td><code>{escape(each['name'])}</code><td>{each['in']}"
        f"<td>{escape(each.get('description', ''))}"
        for each in operation["parameters"]
    ]
    answers = [
        f"<tr><td>{status}<td>{escape(each['description'])}<td>{_links(each)}"
        for status, each in operation["responses"].items()
    ]
    body = operation.get("requestBody")
    return (
        f"<details id={operation['operationId']}><summary><span class=method>{method.upper()}"
        f"</span><code>{escape(path)}</code> &nbsp; {escape(operation['summary'])}</summary>"
        + (f"<table><tr><th>parameter<th>in<th>{''.join(rows)}</table>" if rows else "")
        + (f"<p>Body: {_links(body)}</p>" if body else "")
        + f"<table><tr><th>answer<th><th>{''.join(answers)}</table></details>"
    )


def _links(part: dict[str, Any]) -> str:
    found: list[str] = []
    for media, each in part.get("content", {}).items():
        name = each.get("schema", {}).get("$ref", "").rpartition("/")[2]
        link = f" <a href='#{name}'>{name}</a>" if name else ""
        found.append(f"<code>{escape(media)}</code>{link}")
    return ", ".join(found)


def _shape(item: tuple[str, dict[str, Any]]) -> str:
    name, schema = item
    text = escape(json.dumps(schema, indent=2, ensure_ascii=False))
    name = escape(name)
    return f"<details id='{name}'><summary>{name}</summary><pre>{text}</pre></details>"
