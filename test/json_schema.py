"""The words of JSON Schema that schema/ uses, and no others: what breaks a schema, and answers that must break it."""

import copy
import json
import re
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "schema"
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float), "null": type(None)}
WORDS = {"type", "const", "enum", "anyOf", "properties", "required", "additionalProperties", "items", "minimum", "maximum", "maxItems", "pattern",
         "$ref", "$defs", "$schema", "title", "description"}


@cache
def schema(name):
    return json.loads((FOLDER / f"{name}.schema.json").read_text())


def resolved(one):
    """A reference's schema: of a file beside it, or of a part of that."""
    while "$ref" in one:
        file, _, pointer = one["$ref"].partition("#")
        one = schema(file.removesuffix(".schema.json"))
        for part in pointer.split("/")[1:]:
            one = one[part]
    return one


def errors(value, one, where="$", seen=None):
    """The parts of the value that break the schema.  `seen` gathers the objects' schemas and which members of each there were."""
    one = resolved(one)
    assert set(one) <= WORDS, set(one) - WORDS
    if "anyOf" in one:
        return [] if any(not errors(value, choice, where, seen) for choice in one["anyOf"]) else [f"{where}: {value!r:.200}"]
    if "const" in one and value != one["const"] or "enum" in one and value not in one["enum"]:
        return [f"{where}: {value!r:.200}"]
    if "type" in one and (not isinstance(value, TYPES[one["type"]]) or isinstance(value, bool) and one["type"] != "boolean"):
        return [f"{where}: {value!r:.200} is no {one['type']}"]
    found = []
    if isinstance(value, dict):
        found += errors_of_object(value, one, where, seen)
    elif isinstance(value, list):
        if len(value) > one.get("maxItems", len(value)):
            found.append(f"{where} is too long")
        for number, item in enumerate(value):
            found += errors(item, one.get("items", {}), f"{where}[{number}]", seen)
    elif isinstance(value, str):
        if not re.search(one.get("pattern", ""), value):
            found.append(f"{where}: {value!r}")
    elif value is not None and not isinstance(value, bool) and not one.get("minimum", value) <= value <= one.get("maximum", value):
        found.append(f"{where}: {value}")
    return found


def errors_of_object(value, one, where, seen):
    members = one.get("properties", {})
    found = [f"{where}.{key} is missing" for key in one.get("required", []) if key not in value]
    if seen is not None and "properties" in one:
        seen.setdefault(id(one), (one, set()))[1].update(set(value) & set(members))
    for key, member in value.items():
        other = one.get("additionalProperties", {})
        if key in members:
            found += errors(member, members[key], f"{where}.{key}", seen)
        elif other is False:
            found.append(f"{where}.{key} is too much")
        elif other is not True:
            found += errors(member, other, f"{where}.{key}", seen)
    return found


def damaged(value, one):
    """Copies of a valid value, each with one fault: a member that is missing, one too many, or a value of another type."""
    one = resolved(one)
    if "anyOf" in one:
        one = next(resolved(choice) for choice in one["anyOf"] if not errors(value, choice))
    if not set(one) - {"description"}:
        return  # whatever JSON there is
    yield [{"damaged": True}] if isinstance(value, dict) else {"damaged": True}
    if isinstance(value, dict):
        for key in one.get("required", []):
            yield {name: member for name, member in value.items() if name != key}
        if one.get("additionalProperties") is False:
            yield value | {"damaged": None}
        for key, member in value.items():
            for worse in damaged(member, one.get("properties", {}).get(key, {})):
                yield value | {key: worse}
    elif isinstance(value, list) and value and "items" in one:
        for worse in damaged(value[0], one["items"]):
            yield [worse, *copy.copy(value[1:])]
