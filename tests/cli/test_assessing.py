"""`assess` at real runs: documents that claim too much, too little, and just what is so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.helpers import MISSIONS, git, orchestrate, runs

pytestmark = pytest.mark.integration

STATUS = """\
# Status of the sums

**Status:** ✅ COMPLETELY RESOLVED

| Component | Status | Evidence |
| --- | --- | --- |
| Sums are right | ✅ **RESOLVED** | reviewed |
| Agent crasher | ✅ **RESOLVED** | by hand |
| unproven | ✅ done | a runner said so |

- [x] The fix is documented
- [x] The moon is made of cheese
- ✅ Two who change one line
- [ ] One that works
- Batch 2: COMPLETE
- 🚧 Words are counted
"""


@pytest.fixture
def failing(looked_at: Path) -> str:
    return next(run for run in runs(looked_at) if "failing" in run)


def test_a_document_is_held_against_a_run(looked_at: Path, failing: str, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    document = tmp_path / "STATUS.md"
    document.write_text(STATUS)
    options = [document, "--run", failing, "--root", looked_at]
    found = orchestrate(tmp_path, "assess", *options, "--format", "json", code=1).json
    claims = {claim["line"]: (claim["found"], claim["comes_to"]) for claim in found["claims"]}
    assert claims == {
        3: ("failed", "false"),
        7: ("validated", "agrees"),
        8: ("failed", "false"),
        9: ("failed", "false"),
        11: ("unvalidated", "unproven"),
        12: ("no_evidence", "unproven"),
        13: ("failed", "false"),
        14: ("validated", "outdated")
        if claims[14][0] == "validated"
        else ("unvalidated", "agrees"),
        15: ("failed", "false"),
        16: ("unvalidated", "agrees"),
    }
    assert found["recommendation"] == "keep open"
    assert any(suite["before"] == "2 failed / 2 passed (50% failing)" for suite in found["suites"])
    sums = next(claim for claim in found["claims"] if claim["line"] == 7)
    assert sums["evidence"]["links"], "what is validated leads to its evidence"
    told = orchestrate(tmp_path, "assess", *options, code=1).out
    assert "found FAILED  FALSE" in told
    assert "KEEP OPEN" in told
    table = orchestrate(tmp_path, "assess", *options, "--format", "md", code=1).out
    assert "| 7 | adder | Sums are right | " in table
    # The correction applies with git, and what it leaves claims nothing that is not so.
    orchestrate(tmp_path, "assess", *options, "--patch", "fix.patch", code=1)
    git(tmp_path, "apply", "fix.patch")
    text = document.read_text()
    assert "| Sums are right | ✅ **RESOLVED** | reviewed |" in text
    assert "| Agent crasher | ❌ **FAILED** | by hand |" in text
    assert "- [ ] The moon is made of cheese (UNVALIDATED: no gate has judged it)" in text
    again = orchestrate(tmp_path, "assess", *options, "--strict", code=0)
    assert "0 false, 0 not proven" in again.out
    assert "The correction" not in again.out


def test_without_evidence_nothing_is_proven(tmp_path: Path) -> None:
    (tmp_path / "S.md").write_bytes(b"- [x] All of it\r\n- [ ] more\r\n")
    told = orchestrate(tmp_path, "assess", "S.md", "--patch", "p", code=0).out
    assert "no run" in told
    assert "1 not proven" in told
    orchestrate(tmp_path, "assess", "S.md", "--strict", code=1)
    git(tmp_path, "init", "-q")
    git(tmp_path, "apply", "p")
    assert (
        b"- [ ] All of it (UNVALIDATED: no gate has judged it)\r\n"
        in (tmp_path / "S.md").read_bytes()
    )
    (tmp_path / "plain.md").write_text("Nothing is claimed here.\n")
    orchestrate(tmp_path, "assess", "plain.md", "--strict", code=0)


def test_runs_and_missions(looked_at: Path, failing: str) -> None:
    told = orchestrate(looked_at, "assess", failing, code=0).out
    assert "The fix is documented: said to be true, found UNVALIDATED  not proven" in told
    assert (
        orchestrate(looked_at, "assess", MISSIONS / "failing.yaml").out.splitlines()[1:]
        == (told.splitlines()[1:])
    )
    orchestrate(looked_at, "assess", failing, "--strict", code=1)
    assert "RESOLVED" in orchestrate(looked_at, "assess", "hello").out


def test_what_cannot_be_assessed(looked_at: Path, failing: str, tmp_path: Path) -> None:
    (tmp_path / "latin.md").write_bytes(b"caf\xe9")
    for arguments, words in (
        (["xyzzy"], "there is no run xyzzy"),
        ([MISSIONS / "websocket.yaml"], "no run of websocket is here"),
        ([MISSIONS / "hello.yaml", "--run", failing], "carried out failing, not hello"),
        ([failing, "--patch", "p"], "only a document can be corrected"),
        ([failing, "--run", failing], "two runs are named"),
        ([tmp_path / "latin.md"], "no text in UTF-8"),
    ):
        assert words in orchestrate(looked_at, "assess", *arguments, code=2).err
