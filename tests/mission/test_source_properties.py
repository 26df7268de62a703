"""Whatever bytes are given, the loader answers with a mission or with problems that have a
place.
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.errors import MissionErrors, OrchestrateError
from orchestrator.mission.loading import load_mission
from orchestrator.mission.source import UNPRINTABLE, read_source

steadily = settings(max_examples=60, deadline=None)  # a busy machine is no failure

FULL = (Path(__file__).parent / "valid" / "full.yaml").read_text()

texts = st.text(max_size=12).filter(lambda text: not UNPRINTABLE.search(text))
values = st.recursive(
    st.one_of(
        texts, st.integers(), st.booleans(), st.floats(allow_nan=False, allow_infinity=False)
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=20,
)


class _Quoting(yaml.SafeDumper):
    """Quotes every text, as what is plain differs between the versions of YAML."""


_Quoting.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')
)
_Quoting.ignore_aliases = lambda self, data: True  # type: ignore[method-assign]


@steadily
@given(st.dictionaries(texts, values, min_size=1, max_size=5))
def test_plain_data_is_read_as_it_was_written(data: dict[str, object]) -> None:
    source = read_source(
        yaml.dump(data, Dumper=_Quoting, allow_unicode=False, width=10_000).encode()
    )
    assert source.problems == ()
    assert source.data == data


@steadily
@given(
    st.binary(max_size=200) | st.text("ab:-{}[]\"'&*!|>#%@` \n\t0.~<", max_size=60).map(str.encode)
)
def test_no_bytes_break_the_reader(data: bytes) -> None:
    source = read_source(data)
    lines = max(data.count(b"\n") + data.count(b"\r"), 0) + 8
    assert all(
        1 <= problem.place.line <= lines and problem.place.column >= 1
        for problem in source.problems
    )
    assert source.is_complete or source.problems


@steadily
@given(
    st.integers(0, len(FULL) - 1),
    st.sampled_from(["", " ", "\n", "x", ":", "- ", "[", "1", '"', "#", "{", "~", "no"]),
)
def test_no_typing_error_breaks_the_loader(
    tmp_path_factory: object, index: int, inserted: str
) -> None:
    path = Path(__file__).parent / "valid" / "full.yaml"
    text = FULL[:index] + inserted + FULL[index + 1 :]
    mangled = _Mangled(path, text.encode())
    problems: tuple[OrchestrateError, ...] = ()
    try:
        load_mission(mangled)
    except MissionErrors as errors:
        problems = errors.problems or (OrchestrateError(""),)
    assert all(problem.where and problem.what for problem in problems)


class _Mangled(type(Path())):  # type: ignore[misc]
    """A path whose file says something else, so that no file is written three hundred times."""

    def __new__(cls, path: Path, data: bytes) -> _Mangled:
        self: _Mangled = super().__new__(cls, path)
        self.data = data
        return self

    def __init__(self, path: Path, _: bytes) -> None:
        if sys.version_info >= (3, 12):
            super().__init__(path)

    def open(self, *_: object, **__: object) -> object:
        import io

        return io.BytesIO(self.data)
