#!/usr/bin/python3
"""Writes the types of every JSON shape from schema/: node/shapes.d.ts and python/white_cross/shapes.py.

With --check: only says whether they are up to date.
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SCHEMAS = HERE.parent / "schema"
# What columns become is written out where it occurs; the worker's messages are for no client of these.
NO_SHAPES = {"column", "webhook"}


def schema_of(name):
    return json.loads((SCHEMAS / f"{name}.schema.json").read_text())


def type_name(words):
    return "".join(word[0].upper() + word[1:] for word in words.replace(".", "_").split("_"))


class Shapes:
    """Every object has a name of its own: that of its file, or that of the object around it with that of the member."""

    def __init__(self, language):
        self.language = language
        self.done = {}  # name → text, in the order in which they may refer to each other

    def file(self, name):
        if type_name(name) not in self.done:
            schema = schema_of(name)
            about = " ".join(f"{schema['title']}. {schema['description']}".split())
            found = self.type(schema, type_name(name), about)
            if type_name(name) not in self.done:
                self.done[type_name(name)] = self.language.alias(type_name(name), found, about)
        return type_name(name)

    def reference(self, to):
        file, _, pointer = to.partition("#")
        name = file.removesuffix(".schema.json")
        if not pointer:
            return self.file(name)
        schema = schema_of(name)
        for part in pointer.split("/")[1:]:
            schema = schema[part]
        if "properties" in json.dumps(schema):
            self.file(name)
        return self.type(schema, type_name(name + "_" + pointer.rpartition("/")[2]))

    def type(self, schema, name, about=""):
        """The type, which for an object is a name."""
        if "$ref" in schema:
            return self.reference(schema["$ref"])
        if "anyOf" in schema:
            return self.language.either([self.type(choice, name) for choice in schema["anyOf"]])
        if "const" in schema or "enum" in schema:
            return self.language.one_of(schema.get("enum", [schema.get("const")]))
        if schema.get("type") == "array":
            return self.language.list_of(self.type(schema.get("items", {}), name + "Item"))
        if schema.get("type") != "object":
            return self.language.plain(schema.get("type"))
        if "properties" not in schema:
            return self.language.map_of(self.type(schema["additionalProperties"], name + "Value"))
        if name not in self.done:
            members = [(key, self.type(member, name + type_name(key)), key in schema["required"]) for key, member in schema["properties"].items()]
            self.done[name] = self.language.object(name, members, about, schema["additionalProperties"])
        return name

    def text(self):
        for path in sorted(SCHEMAS.glob("*.schema.json")):
            if (name := path.name.removesuffix(".schema.json")) not in NO_SHAPES:
                self.file(name)
        return self.language.HEAD + self.language.BETWEEN.join(self.done.values())


class TypeScript:
    HEAD = "// The JSON of every function that returns JSON.  Written by clients/shapes.py from schema/; do not edit.\n\n"
    BETWEEN = "\n"
    PLAIN = {"string": "string", "number": "number", "integer": "number", "boolean": "boolean", "null": "null", None: "unknown"}

    def plain(self, type):
        return self.PLAIN[type]

    def either(self, types):
        return " | ".join(dict.fromkeys(types))

    def one_of(self, values):
        return " | ".join(json.dumps(value) for value in values)

    def list_of(self, type):
        return f"({type})[]" if "|" in type else f"{type}[]"

    def map_of(self, type):
        return f"Record<string, {type}>"

    def alias(self, name, type, about):
        return f"/** {about} */\nexport type {name} = {type};\n"

    def object(self, name, members, about, is_open):
        head = f"/** {about} */\n" if about else ""
        lines = [f"  {key if key.isidentifier() else json.dumps(key)}{'' if required else '?'}: {type};" for key, type, required in members]
        return f"{head}export interface {name} {{\n" + "\n".join(lines + ["  [column: string]: unknown;"] * is_open) + "\n}\n"


class Python:
    HEAD = '"""The JSON of every function that returns JSON.  Written by clients/shapes.py from schema/; do not edit."""\n\n' \
           "from typing import Any, Literal, NotRequired, TypedDict\n\n\n"
    BETWEEN = "\n\n"
    PLAIN = {"string": "str", "number": "float", "integer": "int", "boolean": "bool", "null": "None", None: "Any"}

    def plain(self, type):
        return self.PLAIN[type]

    def either(self, types):
        return " | ".join(dict.fromkeys(types))

    def one_of(self, values):
        return f"Literal[{', '.join(map(repr, values))}]"

    def list_of(self, type):
        return f"list[{type}]"

    def map_of(self, type):
        return f"dict[str, {type}]"

    def alias(self, name, type, about):
        return f"# {about}\n{name} = {type}\n"

    def object(self, name, members, about, is_open):
        members = [(key, type if required else f"NotRequired[{type}]") for key, type, required in members]
        if all(key.isidentifier() for key, _ in members):
            doc = f'    """{about}"""\n\n' if about else ""
            return f"class {name}(TypedDict):\n{doc}" + "".join(f"    {key}: {type}\n" for key, type in members)
        return f"# {about}\n{name} = TypedDict({name!r}, {{\n" + "".join(f"    {key!r}: {type},\n" for key, type in members) + "})\n"


FILES = {HERE / "node/shapes.d.ts": TypeScript, HERE / "python/white_cross/shapes.py": Python}

if __name__ == "__main__":
    for path, language in FILES.items():
        text = Shapes(language()).text()
        if "--check" not in sys.argv:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            sys.exit(f"{path.name} is not what clients/shapes.py makes of schema/")
