"""What is kept of observations and results: files below the run's report folder, and the
fingerprints that find them.

Owns names, versions and atomic writing of evidence, and what makes two runs of a check the same
run. What is read again carries a seal: a file that cannot be read, that somebody else wrote or that
was moved is as good as none, and the check is run again. Whether an observation may be used again
is the judge's to say.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import platform
import re
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ValidationError

from orchestrator.errors import EnvironmentRefused
from orchestrator.gates.observing.observation import Observation
from orchestrator.isolation.seal import Seal
from orchestrator.journal.facts import CheckResult, TestRecord

HASH_SEED = "0"
JUDGE_VERSION = "4"
"""Changes whenever the same check on the same tree would be observed in another way."""
SHORT = 12
SEALED = "observation"


def check_fingerprint(check: BaseModel, restored: str = "") -> str:
    """What makes two checks the same: their kind, everything that the mission says of them but
    their name, and what they are carried out with that is not the tree's own (its digest).
    """
    # Variables and services count with what they hold, and only where there are some: see
    # `restored`.
    told = check.model_dump(mode="json", exclude={"name", "env", "services"})
    return _hash(type(check).__name__, json.dumps(told, sort_keys=True), restored)


def environment_fingerprint(interpreter: str) -> str:
    """What tests run in: what is known of their interpreter, platform, hash seed, and how we look
    at it.
    """
    return _hash(JUDGE_VERSION, interpreter, platform.platform(), f"PYTHONHASHSEED={HASH_SEED}")


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()


def variables_digest(variables: Mapping[str, str]) -> str:
    """Of what a check's program is given by name; empty when that is nothing."""
    return _hash(json.dumps(variables, sort_keys=True)) if variables else ""


class Evidence:
    """The evidence of one run: `folder` is the run's report folder, and all names given out are
    relative to it. What it reads again must carry the seal; without one, nothing that another object
    has kept is believed.
    """

    def __init__(self, folder: Path, seal: Seal | None = None) -> None:
        self.folder = folder
        self._seal = seal or Seal()
        self._taken: set[str] = set()
        self._lock = threading.Lock()

    def observation(self, check: str, tree: str, environment: str) -> Observation | None:
        """What was seen of a check (by fingerprint) on a tree; None when there is nothing that can
        be relied on.
        """
        try:
            mark, _, data = self._place(check, tree, environment).read_bytes().partition(b"\n")
            if not self._seal.holds(mark.decode("ascii", "replace"), SEALED, data):
                return None
            found = Observation.model_validate_json(data)
        except (OSError, ValidationError):
            return None
        # Names are cut; the content is not.
        return (
            found
            if (found.check, found.tree, found.environment) == (check, tree, environment)
            else None
        )

    def keep(self, seen: Observation) -> None:
        """Keep an observation, in place of an earlier one of the same check and tree."""
        data = seen.model_dump_json().encode()
        mark = self._seal.mark(SEALED, data).encode()
        _write(self._place(seen.check, seen.tree, seen.environment), mark + b"\n" + data)

    def keep_result(
        self, stem: str, result: CheckResult, tests: Sequence[TestRecord]
    ) -> CheckResult:
        """Keep a result with all of its tests, under a name that nothing had before; the result
        that names it.
        """
        place = self.free("evidence", stem, ".json")
        result = result.model_copy(update={"evidence": str(place.relative_to(self.folder))})
        content = {
            "version": 1,
            "result": result.model_dump(mode="json"),
            "tests": [test.model_dump(mode="json") for test in tests],
        }
        _write(place, json.dumps(content, indent=1).encode("utf-8", "backslashreplace"))
        return result

    def free(self, folder: str, stem: str, suffix: str) -> Path:
        """A path in `folder` that nobody has used or been given."""
        stem = re.sub(r"[^A-Za-z0-9._-]+", "_", stem)
        for number in itertools.count(1):
            name = f"{folder}/{stem}{'' if number == 1 else f'-{number}'}{suffix}"
            with self._lock:
                is_free = name not in self._taken and not (self.folder / name).exists()
                self._taken.add(name)
            if is_free:
                break
        return self.folder / name

    def _place(self, check: str, tree: str, environment: str) -> Path:
        name = f"{check[:SHORT]}-{tree[:SHORT]}-{environment[:8]}.sealed"
        return self.folder / "evidence" / "observations" / name


def _write(path: Path, data: bytes) -> None:
    """All of it or nothing, also through a power cut. Raises EnvironmentRefused when the disk does
    not take it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_atomically(path, data)
    except OSError as error:
        raise EnvironmentRefused(
            f"evidence cannot be written: {error.strerror or error}",
            where=str(path),
            mend="Make room or mend the permissions of the reports folder, then resume the run.",
        ) from error


def _write_atomically(path: Path, data: bytes) -> None:
    descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.rename(partial, path)  # noqa: PTH104
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
