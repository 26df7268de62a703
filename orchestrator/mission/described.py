"""What the fields of a model mean, put into its JSON schema from the texts that stand below them.

Owns the reading of those texts, which parses a module's source: only a schema is worth that, and no
start of the program.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

from pydantic import BaseModel


def describe(schema: dict[str, Any], root: type[BaseModel], base: type[BaseModel]) -> None:
    """Describe each field of `root`, whose schema this is, and of what it holds, as far as their
    classes come from `base`; a description that a field gives itself stays.
    """
    nouns = {**schema.get("$defs", {}), root.__name__: schema}
    for noun in (base, *_below(base)):
        fields = nouns.get(noun.__name__, {}).get("properties", {})
        texts = _texts(noun)
        for name, field in noun.model_fields.items():
            key = name if name in fields else field.alias
            if name in texts and key in fields and field.description is None:
                described = {**fields[key], "description": texts[name]}
                fields[key] = dict(sorted(described.items()))  # as pydantic sorts them


def _below(noun: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for lower in noun.__subclasses__():
        yield lower
        yield from _below(lower)


def _texts(noun: type[BaseModel]) -> dict[str, str]:
    found: dict[str, str] = {}
    for owner in reversed(noun.__mro__):
        if issubclass(owner, BaseModel) and owner is not BaseModel:
            found |= _texts_of(owner.__module__).get(owner.__name__, {})
    return found


@cache
def _texts_of(module: str) -> dict[str, dict[str, str]]:
    """By class and field, the text that follows it."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {
        noun.name: {
            field.target.id: inspect.cleandoc(text.value.value)
            for field, text in zip(noun.body, noun.body[1:], strict=False)
            if isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
            and isinstance(text.value.value, str)
        }
        for noun in tree.body
        if isinstance(noun, ast.ClassDef)
    }
