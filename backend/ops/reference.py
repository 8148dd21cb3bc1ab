"""Renders the OpenAPI document as an HTML page; pure. The page needs no script and nothing from
another host, so it works under the site's strict content policy and offline."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from typing import Any

Json = dict[str, Any]

STYLE = """
main.reference { max-width: var(--width); margin: 0 auto; padding: 1.5rem; }
.reference p { max-width: 70ch; white-space: pre-line; }
.reference article { margin: 1rem 0; padding: 1rem 1.25rem; background: var(--card);
  border: 1px solid var(--line); border-radius: var(--radius); }
.reference h3 { margin: 0 0 .5rem; font: 600 1rem ui-monospace, monospace;
  overflow-wrap: anywhere; }
.reference h3 b { color: var(--brand); }
.reference table { border-collapse: collapse; width: 100%; font-size: .9rem; }
.reference th, .reference td { text-align: left; vertical-align: top;
  padding: .35rem .75rem .35rem 0; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
.reference pre { overflow-x: auto; padding: .75rem; background: var(--cell); border-radius: 8px;
  font-size: .8rem; }
"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} API</title>
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/style.css">
<link rel="stylesheet" href="/docs/style.css">
</head>
<body>
<main class="reference">
<p><a href="/">{title}</a></p>
<h1>API reference</h1>
<p>{description}</p>
<p>For programs: <a href="/openapi.json">/openapi.json</a></p>
{sections}
</main>
</body>
</html>
"""


def reference_page(document: Json) -> str:
    """The API reference as HTML."""
    tags: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            tag = (operation.get("tags") or ["other"])[0]
            tags.setdefault(tag, []).append(_operation(document, method, path, operation))
    sections = [
        f"<h2>{escape(tag.capitalize())}</h2>{''.join(operations)}"
        for tag, operations in tags.items()
    ]
    info = document["info"]
    return _PAGE.format(
        title=escape(info["title"]),
        description=escape(info.get("description", "").strip()),
        sections="\n".join(sections),
    )


def _operation(document: Json, method: str, path: str, operation: Json) -> str:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    blocks = [
        f"<h3><b>{escape(method.upper())}</b> {escape(path)}</h3>",
        f"<p>{escape(operation.get('description', ''))}</p>",
        _table(("Parameter", "In", "Description"), _parameters(operation)),
    ]
    if body:
        blocks.append(_example("Body", document, body["schema"]))
    for status, response in sorted(operation["responses"].items()):
        schema = response.get("content", {}).get("application/json", {}).get("schema")
        if status.startswith("2") and schema:
            blocks.append(_example(f"Response {status}", document, schema))
    blocks.append(_table(("Status", "Code", "Meaning"), _refusals(operation)))
    return f"<article>{''.join(blocks)}</article>"


def _parameters(operation: Json) -> Iterator[tuple[str, str, str]]:
    for parameter in operation.get("parameters", []):
        schema = parameter.get("schema", {})
        description = (
            parameter.get("description") or schema.get("description") or schema.get("type", "")
        )
        yield parameter["name"], parameter["in"], str(description)


def _refusals(operation: Json) -> Iterator[tuple[str, str, str]]:
    for status, response in sorted(operation["responses"].items()):
        problems = response.get("content", {}).get("application/problem+json", {})
        for code, example in problems.get("examples", {}).items():
            yield status, code, example["value"]["detail"]


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows]
    if not lines:
        return ""
    names = "".join(f"<th>{escape(name)}</th>" for name in head)
    return f"<table><tr>{names}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _example(title: str, document: Json, schema: Json) -> str:
    text = json.dumps(example_of(document, schema), indent=2)
    return f"<h4>{escape(title)}</h4><pre>{escape(text)}</pre>"


def example_of(document: Json, schema: Json) -> Any:
    """An example of a schema, from the examples of its fields."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return example_of(document, document["components"]["schemas"][name])
    if "examples" in schema:
        return schema["examples"][0]
    if "anyOf" in schema:
        return example_of(document, schema["anyOf"][0])
    if schema.get("type") == "array":
        return [example_of(document, schema["items"])]
    if schema.get("type") == "object":
        fields = schema.get("properties", {})
        return {name: example_of(document, field) for name, field in fields.items()}
    return {"integer": 0, "boolean": False, "string": ""}.get(schema.get("type", ""))
