"""Which path names may come out of an agent's work tree, and which would mean something else
elsewhere.

Pure: strings in, findings out. The rules follow git's own `verify_path` and the look-alikes that
macOS (HFS+) and Windows (NTFS) take for the same name.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping

_CONTROL = re.compile(r"[\x00-\x1f\x7f\x80-\x9f]")
_HFS_IGNORES = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
_DOTGIT = re.compile(r"(?:\.git|git~1)[. ]*(?:[:\\].*)?", re.IGNORECASE | re.DOTALL)
_DOTGIT_BEHIND_BACKSLASH = re.compile(r"(?:^|\\)(?:\.git|git~1)[. ]*(?:[:\\]|$)", re.IGNORECASE)
_GITMODULES = re.compile(
    r"(?:\.gitmodules|gitmod~[1-9]|gi7eba~[1-9])[. ]*(?::.*)?", re.IGNORECASE | re.DOTALL
)


def is_dotgit(name: str) -> bool:
    """Whether one component of a path is ``.git`` to git, macOS or Windows."""
    if len(name) > 64 and "\\" not in name and "git" not in name[:64].lower():
        return False
    plain = _HFS_IGNORES.sub("", name)
    return bool(_DOTGIT.fullmatch(plain) or _DOTGIT_BEHIND_BACKSLASH.search(plain))


def is_gitmodules(path: str) -> bool:
    """Whether `path` is the file that says where submodules come from, under any of its names."""
    return bool(_GITMODULES.fullmatch(_HFS_IGNORES.sub("", path)))


def why_insane(path: str) -> str | None:
    """Why this path is refused, or None."""
    if _CONTROL.search(path):
        return "its name holds control characters"
    parts = path.split("/")
    if any(part in {"", ".", ".."} for part in parts):
        return "its name holds an empty, '.' or '..' component"
    if any(is_dotgit(part) for part in parts):
        return "its name is taken for .git by git or by a file system that it may be checked out on"
    return None


def fold(path: str) -> str:
    """What `path` becomes on a file system that ignores case and Unicode form."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", path).casefold())


def folded(paths: Iterable[str]) -> dict[str, str]:
    """Every path and folder by what it becomes on a file system that ignores case; the first of
    each.
    """
    seen: dict[str, str] = {}
    for path in paths:
        for name in with_folders(path):
            seen.setdefault(fold(name), name)
    return seen


def collisions(
    added: Iterable[str], known: Mapping[str, str], stands: Callable[[str], bool]
) -> dict[str, str]:
    """Each added path that a file system which ignores case takes for another, and that other;
    folders count.

    `known` is what was there, `folded`; `stands` says whether one of those is still there.
    """
    new: dict[str, str] = {}
    found: dict[str, str] = {}
    for path in sorted(added):
        for name in with_folders(path):
            folded_name = fold(name)
            other = known.get(folded_name, name)
            if other == name or not stands(other):
                other = new.setdefault(folded_name, name)
            if other != name:
                found.setdefault(path, other)
    return found


def with_folders(path: str) -> Iterable[str]:
    """Every folder above the path, and the path."""
    at = path.find("/")
    while at != -1:
        yield path[:at]
        at = path.find("/", at + 1)
    yield path


def escapes(path: str, links: dict[str, str]) -> bool:
    """Whether following the symlink at `path` leads out of the tree or into ``.git``; `links` are
    all targets.
    """
    todo = links[path].split("/")
    here = path.split("/")[:-1]
    if links[path].startswith("/"):
        return True
    for _ in range(1000):  # a loop of links ends here and leads nowhere
        if not todo:
            return False
        part = todo.pop(0)
        if part in {"", "."}:
            continue
        if part == "..":
            if not here:
                return True
            here.pop()
            continue
        if is_dotgit(part):
            return True
        here.append(part)
        target = links.get("/".join(here))
        if target is not None:
            if target.startswith("/"):
                return True
            here.pop()
            todo = target.split("/") + todo
    return False
