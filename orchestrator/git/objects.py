"""Reading and writing many git objects without a process for each.

Owns the one long-lived ``cat-file --batch-command`` of a store and the packs that the merger writes
itself. A pack goes through ``git index-pack``, so git checks every byte before it is believed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import struct
import subprocess
import tempfile
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from orchestrator.git.client import Git, GitError, end
from orchestrator.git.identity import Identity
from orchestrator.git.text import encode
from orchestrator.git.values import Entry

_HEADER = re.compile(rb"([0-9a-f]{40}|[0-9a-f]{64}) (\w+) (\d+)\n")
_KINDS = {"commit": 1, "tree": 2, "blob": 3}

_Answer = tuple[tuple[str, str, int], bytes]
"""Id, type and size of an object, and its bytes if these were asked for."""
_AT_ONCE = 100
"""Questions after ids that a pipe surely holds while nobody reads."""

RawTree = dict[bytes, tuple[bytes, bytes]]
"""One level of a tree: name to (mode as git writes it, id in bytes)."""


class ObjectReader:
    """One ``git cat-file --batch-command`` shared by all threads under a lock: about 0.03 ms a
    question.
    """

    def __init__(self, git: Git) -> None:
        self._git = git
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def info(self, name: str) -> tuple[str, str, int] | None:
        """Id, type and size of the object of that name, or None."""
        answer = self._ask(b"info", name)
        return answer[0] if answer else None

    def contents(self, name: str) -> tuple[str, bytes] | None:
        """Type and bytes of the object of that name, or None."""
        answer = self._ask(b"contents", name)
        return (answer[0][1], answer[1]) if answer else None

    def close(self) -> None:
        """End the process; the next question would start another."""
        with self._lock:
            self._end()

    def info_of(self, oids: Sequence[str]) -> list[tuple[str, str, int] | None]:
        """`info` of many ids."""
        return [answer[0] if answer else None for answer in self._ask_many(b"info", oids)]

    def missing(self, oids: Sequence[str]) -> list[str]:
        """Those of many ids that are not here; a loose object, as fresh captures are, is seen
        without asking git.
        """
        objects = f"{self._git.git_dir}/objects"
        asked = [oid for oid in oids if not os.path.exists(f"{objects}/{oid[:2]}/{oid[2:]}")]  # noqa: PTH110 (hundreds)
        return [oid for oid, found in zip(asked, self.info_of(asked), strict=True) if found is None]

    def contents_of(self, oids: Sequence[str]) -> list[tuple[str, bytes] | None]:
        """`contents` of many ids."""
        return [
            (answer[0][1], answer[1]) if answer else None
            for answer in self._ask_many(b"contents", oids)
        ]

    def _ask_many(self, verb: bytes, oids: Sequence[str]) -> Iterator[_Answer | None]:
        """Some at a time are asked for before the first answer is read."""
        for at in range(0, len(oids), _AT_ONCE):
            yield from self._ask_all(verb, oids[at : at + _AT_ONCE])

    def _ask(self, verb: bytes, name: str) -> _Answer | None:
        return self._ask_all(verb, [name])[0]

    def _ask_all(self, verb: bytes, names: Sequence[str]) -> list[_Answer | None]:
        asked = [encode(name) for name in names if "\0" not in name]
        with self._lock:
            try:
                found = self._exchange(verb, asked)
            except (BrokenPipeError, EOFError):
                self._end()  # it was killed from outside: once more with a new one, then it is an error
                try:
                    found = self._exchange(verb, asked)
                except (BrokenPipeError, EOFError) as error:
                    self._end()
                    where = str(self._git.git_dir)
                    raise GitError(
                        "cat-file --batch-command", -1, "it ended unasked", where=where
                    ) from error
        answers = iter(found)
        return [None if "\0" in name else next(answers) for name in names]

    def _exchange(self, verb: bytes, names: Sequence[bytes]) -> list[_Answer | None]:
        process = self._process
        if process is None:
            # -z because a path may hold a newline
            process = self._process = self._git.spawn(
                "cat-file", "-z", "--batch-command", stdin=subprocess.PIPE
            )
            drain = threading.Thread(
                target=_drain, args=(process,), name="cat-file-errors", daemon=True
            )
            drain.start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"".join(verb + b" " + name + b"\0" for name in names))
        process.stdin.flush()
        return [_read_answer(process.stdout, name, has_body=verb == b"contents") for name in names]

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            end(process)


@contextlib.contextmanager
def reading(git: Git, commit: str) -> Iterator[Callable[[str], bytes | None]]:
    """What reads many files of a commit by one process: their bytes, None where there is no such
    file.
    """
    reader = ObjectReader(git)

    def read(path: str) -> bytes | None:
        if path.startswith(("./", "../")) or path in {"", ".", ".."}:
            return None  # git would resolve these against a work tree, and die for want of one
        answer = reader.contents(f"{commit}:{path}")
        return answer[1] if answer and answer[0] == "blob" else None

    try:
        yield read
    finally:
        reader.close()


def _read_answer(stream: IO[bytes], name: bytes, *, has_body: bool) -> _Answer | None:
    line = stream.readline()
    header = _HEADER.fullmatch(line)
    if header is None:
        # "<name> missing": the name is echoed and may hold newlines itself
        while line and not (
            line.startswith(name) and line[len(name) :] in {b" missing\n", b" ambiguous\n"}
        ):
            more = stream.readline()
            if not more:
                raise EOFError
            line += more
        if not line:
            raise EOFError
        return None
    oid, kind, size = header[1].decode(), header[2].decode(), int(header[3])
    body = b""
    if has_body:
        body = stream.read(size + 1)
        if len(body) != size + 1:
            raise EOFError
        body = body[:-1]
    return (oid, kind, size), body


def _drain(process: subprocess.Popen[bytes]) -> None:
    """Read standard error away, so that a talkative git cannot block on a full pipe."""
    assert process.stderr is not None
    with process.stderr as stream:
        for _ in iter(lambda: stream.read(65536), b""):
            pass


class ObjectWriter:
    """Trees and commits in memory, until `flush` puts them into the repository as one checked
    pack.
    """

    def __init__(
        self, git: Git, reader: ObjectReader, object_format: str, identity: Identity
    ) -> None:
        self._git = git
        self._reader = reader
        self._algorithm = object_format
        self._identity = identity
        width = hashlib.new(object_format, usedforsecurity=False).digest_size
        self._row = re.compile(rb"([0-7]+) ([^\0]+)\0(.{%d})" % width, re.DOTALL)
        self._pending: dict[str, tuple[str, bytes]] = {}
        self._trees: dict[str, RawTree] = {}

    def splice(self, tree: str, changes: Mapping[str, Entry | None]) -> str:
        """The id of `tree` with each path of `changes` replaced or (None) removed; only trees that
        change are built.
        """
        nested: dict[bytes, object] = {}
        for path, entry in changes.items():
            _nest(nested, encode(path).split(b"/"), entry)
        self._read_ahead(tree, nested)
        return self._build(tree, nested) or self._put("tree", b"")

    def _read_ahead(self, tree: str, nested: Mapping[bytes, object]) -> None:
        """Read the folders of a tree that will change, all of one depth at once, before they are
        built one by one.
        """
        level = [(tree, nested)]
        while level:
            unread = list(dict.fromkeys(oid for oid, _ in level if oid not in self._trees))
            for oid, answer in zip(unread, self._reader.contents_of(unread), strict=True):
                if answer and answer[0] == "tree":
                    self._trees[oid] = self._parse(answer[1])
            level = [
                (old[1].hex(), below)
                for oid, changes in level
                for name, below in changes.items()
                if isinstance(below, dict)
                and (old := self._trees.get(oid, {}).get(name))
                and old[0] == b"40000"
            ]

    def _build(self, tree: str | None, changes: Mapping[bytes, object]) -> str | None:
        entries = dict(self.level(tree)) if tree else {}
        for name, change in changes.items():
            if isinstance(change, dict):
                old = entries.get(name)
                below = self._build(old[1].hex() if old and old[0] == b"40000" else None, change)
                if below is not None:
                    entries[name] = (b"40000", bytes.fromhex(below))
                elif old and old[0] == b"40000":
                    del entries[name]
            elif isinstance(change, Entry):
                entries[name] = (change.mode.lstrip("0").encode(), bytes.fromhex(change.oid))
            else:
                entries.pop(name, None)
        if not entries:
            return None
        ordered = sorted(
            entries.items(), key=lambda item: item[0] + b"/" if item[1][0] == b"40000" else item[0]
        )
        oid = self._put(
            "tree", b"".join(b"%b %b\0%b" % (mode, name, raw) for name, (mode, raw) in ordered)
        )
        self._trees[oid] = entries
        return oid

    def blob(self, content: bytes) -> str:
        """The id of a file's content."""
        return self._put("blob", content)

    def level(self, tree: str) -> RawTree:
        """What one tree object holds, pending ones included. Not to be modified."""
        known = self._trees.get(tree)
        if known is None:
            answer = self._reader.contents(tree)
            if answer is None or answer[0] != "tree":
                raise GitError(
                    f"cat-file {tree}", 1, "the tree is missing", where=str(self._git.git_dir)
                )
            known = self._trees[tree] = self._parse(answer[1])
        return known

    def _parse(self, raw: bytes) -> RawTree:
        rows = self._row.findall(raw)
        if sum(len(mode) + len(name) + len(oid) + 2 for mode, name, oid in rows) != len(raw):
            raise GitError("cat-file", 1, "a tree is damaged", where=str(self._git.git_dir))
        # some old tools padded modes with zeros, which git no longer writes
        return {name: (mode.lstrip(b"0"), oid) for mode, name, oid in rows}

    def commit(self, tree: str, parents: Sequence[str], message: str, when: int) -> str:
        """The id of a commit by the run's identity at `when` (seconds since 1970, UTC)."""
        person = f"{self._identity} {when} +0000"
        lines = [
            f"tree {tree}",
            *(f"parent {parent}" for parent in parents),
            f"author {person}",
            f"committer {person}",
        ]
        body = message if message.endswith("\n") else f"{message}\n"
        return self._put("commit", encode("\n".join(lines) + f"\n\n{body}".replace("\0", "")))

    def flush(self) -> None:
        """Write what is pending as one pack, checked and synced by git."""
        if not self._pending:
            return
        parts = [b"PACK" + struct.pack(">II", 2, len(self._pending))]
        for kind, body in self._pending.values():
            # A tree is mostly hashes, which do not get smaller.
            parts += (
                _pack_header(_KINDS[kind], len(body)),
                zlib.compress(body, 0 if kind == "tree" else 1),
            )
        pack = b"".join(parts)
        pack += hashlib.new(self._algorithm, pack, usedforsecurity=False).digest()
        self._git.run("index-pack", "--stdin", input=pack)
        self._pending.clear()

    def write_loose(self) -> None:
        """Write what is pending as loose objects, each synced: cheaper than a pack where there are
        few.
        """
        for oid, (kind, body) in self._pending.items():
            folder = Path(self._git.git_dir or ".") / "objects" / oid[:2]
            if not (folder / oid[2:]).exists():
                folder.mkdir(exist_ok=True)
                _write_whole(
                    folder / oid[2:],
                    zlib.compress(b"%b %d\0%b" % (kind.encode(), len(body), body), 1),
                )
        self._pending.clear()

    def _put(self, kind: str, body: bytes) -> str:
        oid = object_id(kind, body, self._algorithm)
        self._pending.setdefault(oid, (kind, body))
        return oid


def object_id(kind: str, body: bytes, algorithm: str) -> str:
    """What git calls the object: the hash of its kind, its length and its bytes."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    digest.update(b"%b %d\0" % (kind.encode(), len(body)))
    digest.update(body)
    return digest.hexdigest()


def _write_whole(place: Path, content: bytes) -> None:
    """A file that is there whole or not at all, read-only as git's are; several threads may write
    the same one.
    """
    descriptor, draft = tempfile.mkstemp(prefix="tmp_obj_", dir=place.parent)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fchmod(descriptor, 0o444)
        os.fsync(descriptor)
    Path(draft).replace(place)


def _nest(level: dict[bytes, object], parts: list[bytes], entry: Entry | None) -> None:
    """Put one change into nested folders; what arrives at a place wins over what is removed there,
    in either order.
    """
    *folders, name = parts
    for folder in folders:
        below = level.get(folder)
        if not isinstance(below, dict):
            if isinstance(below, Entry) and entry is None:
                return  # a folder makes way for a file
            below = level[folder] = {}  # a file makes way for a folder
        level = below
    if not (entry is None and isinstance(level.get(name), dict)):
        level[name] = entry


def _pack_header(kind: int, size: int) -> bytes:
    """Type and length of a packed object: four bits, then seven at a time (gitformat-pack)."""
    byte = kind << 4 | size & 15
    size >>= 4
    header = bytearray()
    while size:
        header.append(byte | 128)
        byte = size & 127
        size >>= 7
    header.append(byte)
    return bytes(header)
