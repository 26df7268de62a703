"""Known secret values, taken out of whatever is stored, shown or sent. Pure.

Owns which values of an environment are secrets, in which forms they may appear (plain, JSON- and
URL-escaped, base64 at any alignment, with terminal escapes in between), and how text and streams
are freed of them. Who calls it, and which secrets a process knows of, is `secrets`'.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus, unquote

MARK = "[redacted]"
SHORTEST = 6
"""Characters; what is shorter is found in words that are nobody's secret."""
_SHORTEST_FORM = 6
_SHORTEST_LINE = 16
"""Of a secret of several lines, such as a private key, each longer line is one by itself."""

_SECRET_NAME = re.compile(
    r"KEY|TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|COOKIE|PRIVATE|_AUTH$|^AUTH", re.IGNORECASE
)
_URL_CREDENTIALS = re.compile(r"[A-Za-z][\w+.-]*://([^/\s:@]*)(?::([^/\s@]*))?@")
_PLAIN_URL = re.compile(r"[A-Za-z][\w+.-]*://[^\s@]*$")
_TRIVIAL = frozenset(
    (
        *("true", "false", "none", "null", "default", "enabled", "disabled", "always", "never"),
        *("basic", "bearer", "password", "secret", "postgres", "localhost", "changeme", "example"),
        *("development", "production", "testing"),
    )
)
_NUMBER = re.compile(r"[\d.,:_-]{1,11}$")
_ESCAPE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-Z\\^-~])")
_BEGUN_ESCAPE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]{0,200}\x1b?|[ -/]*)\Z")


def secrets_in(environment: Mapping[str, str], declared: Iterable[str] = ()) -> dict[str, str]:
    """The secret values among the variables: by value, the name of a variable that holds it.

    These are the values of variables whose name says so, of the `declared` ones (which somebody is
    given on purpose), and credentials inside URLs. Trivial values, paths and plain URLs are none.
    """
    found: dict[str, str] = {}
    named = set(declared)
    for name, value in environment.items():
        for user, password in _URL_CREDENTIALS.findall(value):
            for part in (password or user, unquote(password or user)):
                _note(found, name, part)
        if _SECRET_NAME.search(name) or (name in named and not _is_ordinary(value)):
            _note(found, name, value)
    return found


def _note(found: dict[str, str], name: str, value: str) -> None:
    value = value.strip()
    is_trivial = value.lower() in _TRIVIAL or _NUMBER.match(value) or _is_path(value)
    if len(value) >= SHORTEST and not is_trivial:
        found.setdefault(value, name)


def _is_path(value: str) -> bool:
    return bool(re.match(r"(?:~?/|\./|\.\./)[\w.@+/ -]*$", value)) and value.count("/") > 1


def _is_ordinary(value: str) -> bool:
    """What is handed over by name may be a switch, a place or a list of them as well."""
    return bool(_PLAIN_URL.match(value)) or _is_path(value) or value.isalpha()


@dataclass(frozen=True, slots=True)
class Redactor:
    """Takes secrets out; `secrets` has for each value a name by which it may be spoken of."""

    secrets: Mapping[str, str]
    _forms: dict[bytes, str] = field(init=False)
    _pattern: re.Pattern[bytes] | None = field(init=False)

    def __post_init__(self) -> None:
        forms: dict[bytes, str] = {}
        for value, name in self.secrets.items():
            lines = [line.strip() for line in value.splitlines()]
            parts = [line for line in lines if len(line) >= _SHORTEST_LINE] if lines[1:] else []
            for part in (value, *parts):
                for form in _forms_of(part):
                    forms.setdefault(form, name)
        longest_first = sorted(forms, key=len, reverse=True)
        pattern = re.compile(b"|".join(map(re.escape, longest_first))) if forms else None
        object.__setattr__(self, "_forms", forms)
        object.__setattr__(self, "_pattern", pattern)

    def __bool__(self) -> bool:
        return self._pattern is not None

    @property
    def forms(self) -> Mapping[bytes, str]:
        """All that is looked for, each with the name of its secret."""
        return self._forms

    def spans(self, data: bytes) -> list[tuple[int, int]]:
        """Where secrets are in it, in order."""
        if self._pattern is None:
            return []
        if b"\x1b" not in data:
            return [match.span() for match in self._pattern.finditer(data)]
        bare, places = _bare(data)
        return [
            (places[match.start()], places[match.end() - 1] + 1)
            for match in self._pattern.finditer(bare)
        ]

    def data(self, data: bytes) -> bytes:
        """The same with a mark in place of each secret."""
        parts, at = [], 0
        for start, end in self.spans(data):
            parts += [data[at:start], MARK.encode()]
            at = end
        return b"".join([*parts, data[at:]]) if parts else data

    def text(self, text: str) -> str:
        """The same for text; whatever cannot be encoded stays as it is."""
        if self._pattern is None:
            return text
        raw = text.encode("utf-8", "surrogatepass")
        clean = self.data(raw)
        return text if clean is raw else clean.decode("utf-8", "surrogatepass")

    def named_in(self, data: bytes) -> tuple[str, ...]:
        """The names of the secrets that are in it."""
        if self._pattern is None:
            return ()
        bare = _bare(data)[0] if b"\x1b" in data else data
        found = (self._forms[match[0]] for match in self._pattern.finditer(bare))
        return tuple(dict.fromkeys(found))

    def stream(self) -> Stream:
        """For what comes in pieces."""
        return Stream(self)


class Stream:
    """Frees a stream of secrets that may be cut anywhere between two pieces of it.

    Only what may be the beginning of a secret is held back, so that a log can be watched.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._held = b""
        self._beginnings = {form[:n] for form in redactor.forms for n in range(1, len(form))}
        self._longest = max(map(len, redactor.forms), default=0)

    def feed(self, chunk: bytes) -> bytes:
        """What may be passed on by now."""
        if not self._redactor:
            return chunk
        data = self._held + chunk
        end = self._safe_end(data)
        for start, stop in reversed(self._redactor.spans(data)):
            if start < end < stop:
                end = start
        self._held = data[end:]
        return self._redactor.data(data[:end])

    def finish(self) -> bytes:
        """The rest."""
        rest, self._held = self._held, b""
        return self._redactor.data(rest)

    def _safe_end(self, data: bytes) -> int:
        bare, places = (data, None) if b"\x1b" not in data else _bare(data)
        for length in range(min(self._longest - 1, len(bare)), 0, -1):
            if bare[-length:] in self._beginnings:
                return places[len(bare) - length] if places else len(data) - length
        begun = _BEGUN_ESCAPE.search(data, max(0, len(data) - 256)) if places else None
        return begun.start() if begun else len(data)


def _bare(data: bytes) -> tuple[bytes, list[int]]:
    """Without terminal escapes, also a begun one at its end; and where each byte of it stood."""
    parts: list[bytes] = []
    places: list[int] = []
    at = 0
    cut = _BEGUN_ESCAPE.search(data, max(0, len(data) - 256))
    gaps = [match.span() for match in _ESCAPE.finditer(data)]
    if cut and (not gaps or cut.start() >= gaps[-1][1]):
        gaps.append(cut.span())
    for start, end in (*gaps, (len(data), len(data))):
        parts.append(data[at:start])
        places.extend(range(at, start))
        at = end
    return b"".join(parts), places


def _forms_of(value: str) -> Iterator[bytes]:
    raw = value.encode("utf-8", "surrogateescape")
    texts = {value, value.replace("\n", "\r\n")}
    for text in tuple(texts):
        once = {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
        texts |= once | {json.dumps(escaped)[1:-1] for escaped in once}
        texts |= {escaped.replace("/", "\\/") for escaped in once}
    for url in (quote(raw, safe=""), quote(raw), quote_plus(raw)):
        texts |= {url, re.sub(r"%[0-9A-F]{2}", lambda match: match[0].lower(), url)}
    forms = {text.encode("utf-8", "surrogateescape") for text in texts}
    forms |= set(_base64(raw))
    yield from (form for form in forms if len(form) >= _SHORTEST_FORM)


def _base64(raw: bytes) -> Iterator[bytes]:
    """The characters that are decided by these bytes alone, wherever they begin in what was
    encoded.
    """
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            whole = encode(b"\0" * before + raw).rstrip(b"=")
            end = len(whole) - (1 if (before + len(raw)) % 3 else 0)
            yield whole[(0, 2, 3)[before] : end]
