"""The shape of a mission: plain data held against the model, and the model's complaints in people's
words.

Owns the translation of pydantic's errors into places and sentences, the nearest valid name for an
unknown key, and the keys that are part of the format but not supported yet. Whether names refer to
anything is for `references`.
"""

from __future__ import annotations

import copy
import types
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, TypeAlias, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from orchestrator.mission.complaints import complaint, quoted, show
from orchestrator.mission.model import CHECK_KINDS, TAGS, Mission, Model
from orchestrator.mission.source import Data, Loc, Positions, Problem, Source
from orchestrator.mission.words import did_you_mean, listed, nearest

Annotation: TypeAlias = Any  # a type, or what `typing` makes of several
MOST_GUESSED = 100  # unknown keys that are read as others to look on


def read_shape(source: Source) -> tuple[Mission | None, list[Problem]]:
    """The mission that the data says, and all that is wrong with its shape.

    A misspelt key is read as the nearest valid one, so that what it holds is looked at too; the
    mission is then there beside the problem, for the cross-references, and so it is without faulty
    values that nothing hangs on. It is None where something else is wrong.
    """
    problems: list[Problem] = []
    data, positions = source.data, source.positions
    for _ in range(8):  # a misspelt key may hide another one inside
        mission, errors = _validate(data)
        unknown = [error for error in errors if error["type"] == "extra_forbidden"]
        problems += [_unknown_key(error, data, source) for error in unknown]
        if not unknown:
            break
        if len(unknown) > MOST_GUESSED:
            return None, problems  # not a mission with typing errors, but something else
        for error in unknown:
            data = _renamed(data, error["loc"], positions)
    spoiled = source.spoiled
    for error in errors:
        loc = _plain(error["loc"], data)
        # What holds a spoiled value cannot be judged as a whole either.
        is_whole = error["type"] == "value_error" and any(bad[: len(loc)] == loc for bad in spoiled)
        if not is_whole and not any(loc[: len(bad)] == bad for bad in spoiled):
            problems += _translate(error, data, positions)
    if spoiled:
        return None, problems
    return mission or _without_faulty(data, errors), problems


def _without_faulty(data: Data, errors: Sequence[ErrorDetails]) -> Mission | None:
    """The mission without the faulty values, for its cross-references to be told in the same
    round; None where something hangs on a value, such as a name or the place of a list's item.
    """
    pruned = copy.deepcopy(data)
    for error in errors:
        loc = _plain(error["loc"], data)
        parent = _value(pruned, loc[:-1])
        if error["type"] == "missing" or not isinstance(parent, dict):
            return None
        if loc[-1] not in parent or loc[-2:-1] in {("gates",), ("backends",)}:
            return None
        del parent[str(loc[-1])]
    return _validate(pruned)[0]


def _validate(data: Data) -> tuple[Mission | None, list[ErrorDetails]]:
    try:
        return Mission.model_validate(data, by_alias=True, by_name=False), []
    except ValidationError as error:
        return None, error.errors(include_url=False)


def _translate(error: ErrorDetails, data: Data, positions: Positions) -> Iterator[Problem]:
    loc = _plain(error["loc"], data)
    if error["type"] == "missing":
        field = str(loc[-1])
        noun = _noun(error["loc"][:-1])
        yield Problem(positions.key(loc[:-1]), f"{noun} has no `{field}`", f"add `{field}:`")
        return
    if loc[-1:] == ("[key]",):
        key = str(loc[-2])
        what, mend = complaint(error, key)
        yield Problem(positions.key(loc[:-1]), f"`{key}`: {what}", mend)
        return
    value = _value(data, loc)
    if error["type"] == "extra_forbidden" or (error["type"] == "too_short" and value):
        return  # said already; pydantic counts the items that it found nothing wrong with
    if error["type"] == "check_kind":
        yield _check_kind(value, loc, positions)
        return
    if error["type"] == "value_error" and isinstance(value, list) and loc[-1:] != ("env",):
        strange = [index for index, item in enumerate(value) if not isinstance(item, str)]
        for index in strange:  # an argument that is a number: say which
            raw = positions.raw((*loc, index))
            yield Problem(
                positions.value((*loc, index)),
                f"{_subject((*loc, index))}expected a text, found {show(value[index], raw)}",
                quoted(raw),
            )
        if strange:
            return
    what, mend = complaint(error, value, positions.raw(loc))
    yield Problem(positions.value(loc), f"{_subject(loc)}{what}", mend)


def _subject(loc: Loc) -> str:
    """The key that a sentence is about, with the item of its list."""
    keys = [index for index, part in enumerate(loc) if isinstance(part, str)]
    if not keys:
        return ""
    items = "".join(f", item {int(part) + 1}" for part in loc[keys[-1] + 1 :])
    return f"`{loc[keys[-1]]}`{items}: "


def _check_kind(value: Data, loc: Loc, positions: Positions) -> Problem:
    kinds = [kind for kind in CHECK_KINDS if isinstance(value, dict) and kind in value]
    if kinds:
        what = f"a check is of one kind, and this one has {listed(kinds, last=' and ')}"
        return Problem(positions.key((*loc, kinds[1])), what, "make two checks of it")
    known = listed(CHECK_KINDS, last=" or ")
    if not isinstance(value, dict):
        what = f"{_subject(loc)}expected a check, found {show(value, positions.raw(loc))}"
        return Problem(positions.value(loc), what, f"a check is a mapping with {known}")
    for key in value:
        if close := nearest(key, CHECK_KINDS):
            return Problem(
                positions.key((*loc, key)), f"unknown key `{key}`", f"did you mean `{close}`?"
            )
    return Problem(
        positions.value(loc), "this check says nothing to check", f"a check has one of {known}"
    )


def _unknown_key(error: ErrorDetails, data: Data, source: Source) -> Problem:
    loc = _plain(error["loc"], data)
    key = str(loc[-1])
    known = _keys_at(error["loc"][:-1])
    present = _value(data, loc[:-1])
    missing = [name for name in known if not isinstance(present, dict) or name not in present]
    close = nearest(key, missing)
    mend = f"did you mean `{close}`?" if close else did_you_mean(key, known, noun="key")
    return Problem(source.positions.key(loc), f"unknown key `{key}`", mend)


def _renamed(data: Data, loc: Loc, positions: Positions) -> Data:
    """The data with one unknown key read as the nearest one that is not there, or left out."""
    *parents, key = _plain(loc, data)
    known = _keys_at(loc[:-1])

    def copy(value: Data, path: Loc) -> Data:
        if path:
            head, rest = path[0], path[1:]
            if isinstance(value, list):
                return [
                    copy(item, rest) if index == head else item for index, item in enumerate(value)
                ]
            return {
                name: copy(item, rest) if name == head else item for name, item in value.items()
            }
        close = nearest(str(key), [name for name in known if name not in value])
        if close is not None:
            positions.alias((*parents, close), (*parents, key))
        return {
            close if name == key else name: item
            for name, item in value.items()
            if name != key or close
        }

    return copy(data, tuple(parents))


def _plain(loc: tuple[int | str, ...], data: Data) -> Loc:
    """A pydantic place as a place of the file: no marks of unions, no index where one thing stands
    for a list of it.
    """
    result: list[int | str] = []
    for part in loc:
        if part in TAGS or (isinstance(part, int) and not isinstance(data, list)):
            continue
        result.append(part)
        data = _value(data, (part,))
    return tuple(result)


def _value(data: Data, loc: Loc) -> Data:
    """What stands at a place, or what encloses it."""
    for part in loc:
        if (isinstance(data, dict) and part in data) or (
            isinstance(data, list) and isinstance(part, int)
        ):
            data = data[part]  # type: ignore[index]
    return data


# Walking the model along a place


def _model_at(loc: tuple[int | str, ...]) -> type[Model] | None:
    annotation: Annotation = Mission
    for part in loc:
        annotation = _step(annotation, part)
    found = _models_in(annotation)
    return found[0] if len(found) == 1 else None


def _step(annotation: Annotation, part: int | str) -> Annotation:
    if part in TAGS:
        kind = str(part).split()[1]
        return next((model for model in _models_in(annotation) if kind in model.model_fields), str)
    if isinstance(part, str):
        for model in _models_in(annotation):
            for name, field in model.model_fields.items():
                if part in (name, field.alias):
                    return field.annotation
    if _origin(annotation) is Annotated:
        return _step(get_args(annotation)[0], part)
    if _origin(annotation) is tuple:
        return get_args(annotation)[0]
    if _origin(annotation) is dict:
        return get_args(annotation)[1]
    return annotation


def _origin(annotation: Annotation) -> object:
    origin: object = get_origin(annotation)
    return origin


def _models_in(annotation: Annotation) -> list[type[Model]]:
    """The models that a value of this type may be."""
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return [annotation]
    if _origin(annotation) is Annotated:
        return _models_in(get_args(annotation)[0])
    if _origin(annotation) in (Union, types.UnionType):
        return [model for option in get_args(annotation) for model in _models_in(option)]
    return []


def _keys_at(loc: tuple[int | str, ...]) -> list[str]:
    model = _model_at(loc)
    return [field.alias or name for name, field in model.model_fields.items()] if model else []


def _noun(loc: tuple[int | str, ...]) -> str:
    model = _model_at(loc)
    if model is None:
        return "this"
    name = model.__name__
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
    return f"the {words}" if model is Mission else f"this {words}"
