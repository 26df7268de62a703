"""A small mission with all that can be torn, made to be killed at any moment, and what must hold
afterwards.

Thirteen quick agents in four batches: one stands on another's work, one fails at first, two clash,
one commits by itself, one leaves a daemon, one changes nothing because nothing is needed. Each
writes to a ledger outside of all repositories when it begins and when it has come to its end, so
that how often each really ran is seen from outside.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.helpers import (
    Bench,
    Event,
    Git,
    Process,
    check_story,
    first_parents,
    make_repository,
    write,
)

MISSION = """\
version: 1
name: torn
objective: Come through whatever happens.
repository: {path: ../user, base: main}
backends:
  script:
    command: [sh, "{mission_dir}/agent.sh", "{mission_dir}", "{agent}", "{workspace}"]
    brief: stdin
defaults: {isolation: worktree, backend: script, timeout: 1m, attempts: 2}
gates:
  core:
    checks:
      - {name: core, command: [sh, check.sh, core/alpha, core/beta, core/gamma, core/delta], report: junit.xml}
  side: {checks: [{name: side, command: [sh, check.sh, side/deep/one, side/two], report: junit.xml}]}
  middle:
    checks:
      - name: middle
        command: [sh, check.sh, shared, middle/third, core/alpha]
        report: junit.xml
        must_turn_green: ["files::shared"]
  last: {checks: [{name: last, command: [sh, check.sh, summary, shared, core/beta, side/two], report: junit.xml}]}
batches:
  - id: core
    agents:
      - {id: alpha, name: Alpha, mission: Begin., files: [core/alpha]}
      - {id: beta, name: Beta, mission: Stand on it., files: [core/beta], needs: [alpha]}
      - {id: gamma, name: Gamma, mission: Fail first., files: [core/gamma]}
      - {id: delta, name: Delta, mission: Commit., files: [core/delta]}
    gate: core
  - id: side
    agents:
      - {id: one, name: One, mission: Go deep., files: [side/**]}
      - {id: two, name: Two, mission: Leave a daemon., files: [side/two]}
    gate: side
  - id: middle
    needs: [core]
    agents:
      - {id: left, name: Left, mission: Write., files: [shared]}
      - {id: right, name: Right, mission: Write too., files: [shared]}
      - {id: third, name: Third, mission: Keep out., files: [middle/**, old]}
    gate: middle
  - id: last
    needs: [middle, side]
    agents:
      - {id: omega, name: Omega, mission: Sum up., files: [summary]}
      - id: idle
        name: Idle
        mission: See that nothing is missing.
        files: [none]
        deliverables: [{text: There is a check, proof: {file: check.sh}}]
    gate: last
"""
FURNISHED = """\
workspace:
  setup: [{shell: "mkdir -p made/bin && echo tool > made/bin/tool && echo $PWD > made/where"}]
  setup_inputs: [old]
  copy: [.env]
  link: [linked]
"""
IGNORED = {".gitignore": "/made/\n/linked\n/.env\n*.log\n", ".gitattributes": "* text=auto\n"}
AGENT = """\
set -eu
name=$(basename "$3")
echo "$name begin" >> "$1/ledger"
finish() { echo "$name end" >> "$1/ledger"; }
case $2 in
  alpha) mkdir -p core; sleep 0.05; echo "alpha done" > core/alpha ;;
  beta) cat core/alpha > core/beta; sleep 0.05; echo "beta done" >> core/beta ;;
  gamma)
    mkdir -p core
    echo "half" > core/gamma
    if ! grep -q "exited with 3"; then finish "$1"; exit 3; fi
    echo "gamma done" > core/gamma ;;
  delta) mkdir -p core; echo "delta done" > core/delta; git add -A; git commit -q -m mine; sleep 0.1 ;;
  one) mkdir -p side/deep; sleep 0.15; echo "one done" > side/deep/one ;;
  two) mkdir -p side; setsid sleep 600 > /dev/null 2>&1 & sleep 0.3; echo "two done" > side/two ;;
  left) sleep 0.05; echo "left done" > shared ;;
  right)
    if grep -q left shared; then echo "left and right done" > shared; else echo "right done" > shared; fi
    sleep 0.05 ;;
  third) mkdir -p middle; echo "third done" > middle/third; git mv old middle/new ;;
  omega) cat core/* side/two side/deep/* shared middle/* > summary ;;
  idle) sleep 0.05 ;;
esac
finish "$1"
"""
CHECK = """\
# One test for each file that is named: it has to say that it is done.
red=0
echo '<testsuite name="files">' > junit.xml
for file in "$@"; do
  if grep -q done "$file" 2> /dev/null; then
    echo "<testcase classname='files' name='$file'/>" >> junit.xml
  else
    red=1
    echo "<testcase classname='files' name='$file'><failure message='not done'/></testcase>" >> junit.xml
  fi
done
echo '</testsuite>' >> junit.xml
exit $red
"""
BATCHES = ("core", "side", "middle", "last")
ENDS = Counter(
    ["alpha", "beta", "gamma", "gamma", "delta", "one", "two", "left", "right", "right", "third"]
)
"""How often an attempt of each agent has to come to a recorded end, whatever happens."""
ENDS += Counter(["omega", "idle"])


@dataclass
class Life:
    """One run from its first command to its last, with what was done to it."""

    bench: Bench
    mission: Path
    user: Git
    before: tuple[object, ...] = ()
    story: list[str] = field(default_factory=list)
    kills: int = 0

    def begin(self) -> Process:
        """The command that a person would type now."""
        if not self.bench.has_begun:
            return self.bench.start("run", self.mission, "--plain")
        return self.bench.start("resume", "--plain")

    def kill(self, process: Process, *, everything: bool) -> None:
        """`kill -9`, unless it has ended before."""
        hit = process.kill_everything() if everything else process.kill()
        if hit:
            self.kills += 1
        self.story.append(
            f"{'all killed' if everything else 'killed'} after {len(self.bench.events())} records"
            if hit
            else f"had ended with {process.popen.returncode}"
        )

    def finish(self) -> None:
        """Resume until it says that it is done: once."""
        process = self.begin()
        code = process.wait()
        assert code == 0, f"the last command exited with {code}:\n{process.text}\n{self.told}"

    @property
    def told(self) -> str:
        """What happened, for whoever has to reproduce it."""
        return "; ".join(self.story)


def new_life(folder: Path, *, furnished: bool = False) -> Life:
    """A fresh user's repository, mission and root; `furnished`: with set-up, copies and links of
    what is ignored.
    """
    files = {"check.sh": CHECK, "shared": "nothing yet\n", "old": "old\n", "core/readme": "core\n"}
    user = make_repository(folder / "user", files | (IGNORED if furnished else {}))
    # Runs of another test session on this machine are called otherwise.
    mission = MISSION.replace("name: torn", f"name: torn-{os.getpid()}")
    if furnished:
        mission += FURNISHED
        write(user.path, {".env": "KEY=1\n", "linked/module": "m\n"})
    write(folder / "mission", {"mission.yaml": mission, "agent.sh": AGENT})
    life = Life(Bench(folder / "root"), folder / "mission" / "mission.yaml", user)
    life.before = seen_by_user(user)
    return life


def seen_by_user(user: Git) -> tuple[object, ...]:
    """What a run must not change, its own base ref aside."""
    refs = [ref for ref in user.refs() if not ref.startswith("refs/orchestrate/")]
    return (
        refs,
        (user.path / ".git" / "HEAD").read_bytes(),
        (user.path / ".git" / "index").read_bytes(),
        (user.path / ".git" / "config").read_bytes(),
        user("status", "--porcelain=v2", "--branch", "--ignored"),
        user("worktree", "list", "--porcelain"),
    )


def check_life(life: Life, tree: str | None) -> str:
    """All that has to hold once a run is done; returns its final tree, which has to be `tree` if
    that is given.
    """
    bench, events = life.bench, life.bench.events()
    check_story(events)
    _check_attempts(events)
    _check_ledger(life, events)
    base = events[0]["base"]
    landings = [event["commit"] for event in events if event["kind"] == "batch_landed"]
    assert first_parents(bench.store, base, bench.tip) == landings
    assert sorted(e["batch"] for e in events if e["kind"] == "batch_landed") == sorted(BATCHES)
    found = bench.store.tree(bench.tip)
    assert tree in (None, found), bench.store("diff", "--stat", str(tree), found)
    bench.store.fsck()
    life.user.fsck()
    assert seen_by_user(life.user) == life.before
    assert [r.split()[0] for r in life.user.refs() if "orchestrate" in r] == [
        f"refs/orchestrate/{bench.run_id}/base"
    ]
    summary = bench.summary()
    assert (summary["status"], summary["exit_code"]) == ("complete", 0)
    assert "complete, exit code 0" in (bench.report / "report.md").read_text(encoding="utf-8")
    _check_clean(life)
    return found


def _check_attempts(events: list[Event]) -> None:
    ends = Counter(event["agent"] for event in events if event["kind"] == "attempt_ended")
    assert ends == ENDS, f"attempts that came to an end: {ends}"
    assert [event["exit_code"] for event in events if event["kind"] == "run_ended"] == [0]
    returned = [
        item["agent"] for e in events if e["kind"] == "agents_returned" for item in e["returns"]
    ]
    assert set(returned) == {"right"}
    assert len(returned) == 1


def _check_ledger(life: Life, events: list[Event]) -> None:
    """The agents' own word against the journal's."""
    ledger = Counter((life.mission.parent / "ledger").read_text(encoding="utf-8").splitlines())
    assert set(ledger.values()) == {1}, f"an attempt ran twice: {ledger - Counter(set(ledger))}"
    began = {line.removesuffix(" begin") for line in ledger if line.endswith(" begin")}
    came_to_end = {line.removesuffix(" end") for line in ledger if line.endswith(" end")}
    by_kind = {
        kind: {f"{e['agent']}-{e['attempt']}" for e in events if e["kind"] == kind}
        for kind in ("attempt_started", "attempt_ended", "attempt_interrupted")
    }
    assert began <= by_kind["attempt_started"]
    assert by_kind["attempt_ended"] <= came_to_end
    assert came_to_end - by_kind["attempt_ended"] <= by_kind["attempt_interrupted"]


def _check_clean(life: Life) -> None:
    """`clean` leaves nothing behind but the reports."""
    bench = life.bench
    bench.run("clean", "--discard")
    assert not (bench.root / "workspaces" / bench.run_id).exists()
    assert not [ref for ref in life.user.refs() if ref.startswith("refs/orchestrate/")]
    assert sorted(path.name for path in bench.root.iterdir()) == ["reports", "workspaces"]
    left = {path.name for path in (bench.root / "workspaces").iterdir()}
    assert left <= {"snapshots", ".setup", ".gitignore", "pyvenv.cfg"}, left
    assert [path.name for path in (bench.root / "reports").iterdir() if path.name == bench.run_id]
    bench.require_no_leftovers()
