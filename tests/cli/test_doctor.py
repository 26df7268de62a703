"""`orchestrate doctor` on real machines that lack something: no git, a git that is too old, nowhere to
write, programs, variables and backends of a mission that are not there; and what `plan --check` and
`run` say of the same.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.helpers import MISSIONS, PATIENCE, Done, environment, make_user, runs
from tests.ready import run_program
from tests.reports.snapshot import assert_matches

HERE = Path(__file__).parent
GIT = Path(shutil.which("git") or "git")


def program(folder: Path, name: str, script: str) -> Path:
    """A program of that name in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def run(root: Path, *arguments: str | Path, code: int, **variables: str) -> Done:
    variables = environment() | {"ORCHESTRATE_CACHE": str(root.parent / "cache")} | variables
    found = Done(*run_program(list(map(str, arguments)), cwd=root, env=variables, timeout=PATIENCE))
    assert "Traceback" not in found.err
    assert found.code == code, found
    return found


def findings(done: Done) -> dict[str, dict[str, Any]]:
    return {f"{it['area']}/{it['name']}": it for it in done.json["findings"]}


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH of one folder with what every machine has, git among it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("git", "sh", "env", "cp", "cat", "test"):
        (folder / name).symlink_to(shutil.which(name) or name)
    return str(folder)


MISSION = """\
version: 1
name: m
objective: o
repository: {path: user}
backends: {script: {command: [sh, -c, "exit 1"], brief: none}}
defaults: {isolation: worktree, backend: script}
gates: {g: {checks: [{command: [test, -s, a.txt]}]}}
batches:
  - id: b
    gate: g
    agents: [{id: a, name: A, mission: do, files: [a.txt]}]
"""


def mission(root: Path, **changes: str) -> Path:
    """The mission over a user's repository, with keys put in the place of those that it has."""
    make_user(root / "user")
    text = MISSION
    for key, line in changes.items():
        if re.search(rf"^{key}:", text, re.MULTILINE):
            text = re.sub(
                rf"^{key}:.*$",
                lambda _, key=key, line=line: f"{key}: {line}",
                text,
                flags=re.MULTILINE,
            )
        else:
            text += f"{key}: {line}\n"
    path = root / "m.yaml"
    path.write_text(text)
    return path


def test_what_is_needed_is_here(tmp_path: Path, path: str) -> None:
    done = run(tmp_path, "doctor", code=0, PATH=path)
    assert done.out.splitlines()[-1] == "✓ all that is needed is here"
    found = run(tmp_path, "doctor", "--json", code=0, PATH=path)
    assert (found.json["ok"], found.json["mission"], found.json["exit_code"]) == (True, None, 0)
    told = findings(found)
    assert told["git/git"]["ok"]
    assert told["python/clean interpreter"]["detail"].startswith("clean cpython")
    assert {name for name, it in told.items() if it["needed"]} == {
        "git/git", "python/clean interpreter", "disk/cache", "disk/reports",
    }  # fmt: skip
    # It has not touched what it looked at.
    assert sorted(it.name for it in tmp_path.iterdir()) == ["bin"]


def test_what_people_read(tmp_path: Path, path: str) -> None:
    made = mission(tmp_path, notify="{desktop: true}", workspace="{setup: [no-such-tool --all]}")
    config = tmp_path / "config"
    config.write_text(
        "[user]\n\tname = Ada\n\temail = ada@example.org\n[commit]\n\tgpgSign = true\n"
    )
    text = run(
        tmp_path, "doctor", made, code=4, PATH=path, GIT_CONFIG_GLOBAL=str(config)
    ).out  # fmt: skip
    text = text.replace(str(tmp_path), "ROOT").replace(str(tmp_path.parent), "ROOT")
    text = re.sub(r"git: \d[\d.]*\S*", "git: VERSION", text)
    text = re.sub(r"cpython [\d.]+ with pytest [\d.]+", "cpython VERSION with pytest VERSION", text)
    text = re.sub(r"Python [\d.]+", "Python VERSION", text)
    text = re.sub(r"python-[0-9a-f]{12}", "python-KEY", text)
    text = re.sub(r"on \w+, [\d.]+ \w+ free", "on FS, ROOM free", text)
    text = re.sub(r"base [0-9a-f]{10}", "base COMMIT", text)
    text = re.sub(r"  . copies:.*\n(      .*\n)*", "", text)
    text = re.sub(r"(?s)(sandbox\n|agents\n)(  .*?\n)+?(?=\S)", "", text)
    assert_matches(text, HERE / "snapshots" / "doctor.txt")


def test_without_git(tmp_path: Path, path: str) -> None:
    made = mission(tmp_path)
    Path(path, "git").unlink()
    done = run(tmp_path, "doctor", "--json", code=4, PATH=path)
    lack = findings(done)["git/git"]
    assert (lack["ok"], lack["needed"]) == (False, True)
    assert lack["detail"] == "git is not installed or not on PATH"
    assert lack["mend"] == "Install git 2.38 or newer."
    for verb in (["run", made], ["plan", "--check", made]):
        assert lack["detail"] in run(tmp_path, *verb, code=4, PATH=path).err
    assert "git is not installed" in run(tmp_path, "doctor", made, code=4, PATH=path).out


@pytest.mark.parametrize("version", ["2.37.9", "2.20.1", "1.9"])
def test_a_git_that_is_too_old(tmp_path: Path, path: str, version: str) -> None:
    old = program(
        tmp_path / "old",
        "git",
        f'[ "$1" = version ] && echo git version {version} && exit\nexec {GIT} "$@"',
    )
    done = run(tmp_path, "doctor", "--json", code=4, PATH=f"{old.parent}:{path}")
    assert findings(done)["git/git"]["detail"] == (
        f"git {version} is too old, 2.38 or newer is needed"
    )


def test_nowhere_to_write(tmp_path: Path, path: str) -> None:
    file = tmp_path / "file"
    file.write_text("")
    done = run(tmp_path, "doctor", "--json", code=4, PATH=path, ORCHESTRATE_CACHE=str(file / "x"))
    lack = findings(done)["disk/cache"]
    assert "there is no place for work trees outside of any project" in lack["detail"]
    assert "Not a directory" in lack["detail"]
    assert "ORCHESTRATE_CACHE" in lack["mend"]
    project = tmp_path / "project"
    (project / ".git").mkdir(parents=True)
    done = run(
        tmp_path, "doctor", "--json", code=4, PATH=path, ORCHESTRATE_CACHE=str(project / "c")
    )
    assert "programs that search upward would find" in findings(done)["disk/cache"]["detail"]


@pytest.mark.parametrize("closed", ["/proc", "/sys"])
def test_a_folder_that_cannot_be_written(tmp_path: Path, path: str, closed: str) -> None:
    if not Path(closed).is_dir():
        pytest.skip(f"there is no {closed} here")
    done = run(tmp_path, "doctor", "--json", "--root", closed, code=4, PATH=path)
    lack = findings(done)["disk/reports"]
    assert "cannot be written: " in lack["detail"]
    assert (lack["means"], lack["mend"]) == ("nothing can be kept there", "choose another --root")
    inside = f"{closed}/orchestrate"
    done = run(tmp_path, "doctor", "--json", code=4, PATH=path, ORCHESTRATE_CACHE=inside)
    assert inside in findings(done)["disk/cache"]["detail"]


def test_a_disk_with_little_room(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    script = 'mount -t tmpfs -o size=32m,mode=700 tmpfs "$1" && shift && exec "$@"'
    argv = ["unshare", "-rm", "sh", "-c", script, "sh", str(small)]
    if not shutil.which("unshare") or subprocess.run([*argv, "true"], check=False).returncode:
        pytest.skip("no file system can be mounted here")
    done = subprocess.run(
        [*argv, Path(sys.executable).with_name("orchestrate"), "doctor", "--json"],
        cwd=tmp_path,
        env=environment() | {"ORCHESTRATE_CACHE": str(small)},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    lack = findings(Done(done.returncode, done.stdout, done.stderr))["disk/cache"]
    assert done.returncode == 4
    assert re.search(r"on tmpfs, [\d.]+ MiB free", lack["detail"])
    assert lack["means"].startswith("a run stops where nothing can be written any more")
    assert "ORCHESTRATE_CACHE" in lack["mend"]


def test_who_signs(tmp_path: Path, path: str) -> None:
    config = tmp_path / "config"
    config.write_text("[user]\n\tname = Ada\n\temail = ada@example.org\n")
    done = run(tmp_path, "doctor", "--json", code=0, PATH=path, GIT_CONFIG_GLOBAL=str(config))
    told = findings(done)
    assert told["git/identity"]["detail"] == "Ada <ada@example.org> signs what lands"
    assert "git/signatures" not in told
    config.write_text("[commit]\n\tgpgSign = true\n")
    told = findings(
        run(tmp_path, "doctor", "--json", code=0, PATH=path, GIT_CONFIG_GLOBAL=str(config))
    )
    assert not told["git/identity"]["ok"]
    assert "author:" in told["git/identity"]["mend"]
    assert told["git/signatures"]["means"].startswith("what lands is not signed")


SCRIPT = '{script: {command: [sh, -c, "exit 1"], brief: none}'
ONE, TWO = "one (one-agent is not on PATH)", "two (two-agent is not on PATH)"
DB = "db needs no-such-init, no-such-database"
LACKS = [
    (
        "backend",
        {"backends": "{script: {command: [no-such-agent, -x]}}"},
        "mission/backend script",
        "backend `script` cannot work here: no-such-agent is not on PATH",
    ),
    (
        "auto",
        {
            "backends": "{auto: {prefer: [one, two]}, one: {command: one-agent}, two: {command: two-agent}}",
            "defaults": "{isolation: worktree, backend: auto}",
        },
        "mission/backend auto",
        f"backend `auto` found nothing that works here: {ONE}, {TWO}",
    ),
    (
        "resolver",
        {
            "backends": f"{SCRIPT}, other: {{command: no-such-mediator}}}}",
            "resolver": "other",
            "defaults": "{isolation: worktree, backend: script, on_conflict: resolve}",
        },
        "mission/backend other",
        "backend `other` cannot work here: no-such-mediator is not on PATH",
    ),
    (
        "python",
        {"workspace": "{python: python9.9}"},
        "python/workspace.python",
        "workspace.python: there is no python9.9 on this machine",
    ),
    (
        "desktop",
        {"notify": "{desktop: true}"},
        "mission/desktop",
        "notify: notify-send is not on PATH",
    ),
    (
        "command",
        {"notify": "[{command: [sh, -c, exit]}, {command: [tell-me]}]"},
        "mission/command tell-me",
        "notify: tell-me is not on PATH",
    ),
    (
        "hook",
        {"notify": "{webhook: $NOBODY_SET_THIS}"},
        "mission/webhook $NOBODY_SET_THIS",
        "notify: the variable NOBODY_SET_THIS of webhook $NOBODY_SET_THIS is not set",
    ),
    (
        "services",
        {
            "services": "{db: {command: [no-such-database, '{port}'], setup: [[no-such-init]]}}",
            "defaults": "{isolation: worktree, backend: script, services: [db]}",
        },
        "mission/services",
        f"services cannot be started here: {DB}, which is not on PATH",
    ),
]


@pytest.mark.parametrize(
    ("changes", "name", "said"), [it[1:] for it in LACKS], ids=[it[0] for it in LACKS]
)
def test_a_lack_is_told_in_the_words_in_which_a_run_is_refused(
    tmp_path: Path, path: str, changes: dict[str, str], name: str, said: str
) -> None:
    made = mission(tmp_path, **changes)
    done = run(tmp_path, "doctor", made, "--json", code=4, PATH=path)
    lack = findings(done)[name]
    assert (lack["ok"], lack["needed"], lack["detail"]) == (False, True, said)
    assert lack["means"]
    assert lack["mend"]
    refused = run(tmp_path, "run", made, code=4, PATH=path).err
    assert said in refused
    assert lack["mend"] in refused
    assert runs(tmp_path) == [], "nothing began"
    # Without the mission nothing of it is missed.
    assert not any(
        it["area"] == "mission"
        for it in run(tmp_path, "doctor", "--json", code=0, PATH=path).json["findings"]
    )


def test_plan_with_check_tells_once_what_its_gates_say(tmp_path: Path, path: str) -> None:
    for which, said in (("services", "no-such-"), ("python", "python9.9")):
        folder = tmp_path / which
        folder.mkdir()
        changes = next(it[1] for it in LACKS if it[0] == which)
        done = run(folder, "plan", "--check", mission(folder, **changes), code=4, PATH=path)
        told = done.out.partition("On the base")[2]
        assert len([line for line in told.splitlines() if said in line and "✗" in line]) == 1
        assert "that a run needs" not in told


@pytest.mark.parametrize("which", ["backend", "desktop", "hook"])
def test_plan_with_check_tells_them_beside_its_gates(tmp_path: Path, path: str, which: str) -> None:
    changes, _, said = next(it[1:] for it in LACKS if it[0] == which)
    made = mission(tmp_path, **changes)
    done = run(tmp_path, "plan", "--check", made, code=4, PATH=path)
    assert done.out.count(said) == 1
    assert "✗ 1 thing that a run needs: to be mended before it" in done.out
    assert "✓ command-1" in done.out, "the gates are looked at all the same"
    found = run(tmp_path, "plan", "--check", "--json", made, code=4, PATH=path).json["check"]
    assert [it["detail"] for it in found["lacks"]] == [said]
    assert found["can_run"] is True


@pytest.mark.parametrize(
    ("changes", "name", "said"),
    [
        (
            {"workspace": "{setup: [[no-such-tool, install]]}"},
            "mission/set-up `no-such-tool`",
            "workspace.setup: `no-such-tool install` could not be started: no-such-tool: No such file or directory",
        ),
        (
            {"gates": "{g: {checks: [{command: [no-such-linter, .]}]}}"},
            "mission/gate g, command-1",
            "no-such-linter is not on PATH",
        ),
        (
            {"gates": "{g: {checks: [{metric: no-such-meter, value: x, require: '> 1', name: size}]}}"},
            "mission/gate g, size",
            "no-such-meter is not on PATH",
        ),
        (
            {"repository": "{path: nowhere}"},
            "mission/repository",
            "",
        ),
        (
            {"repository": "{path: user, base: no-such-branch}"},
            "mission/repository",
            "",
        ),
    ],
)  # fmt: skip
def test_what_else_a_mission_needs(
    tmp_path: Path, path: str, changes: dict[str, str], name: str, said: str
) -> None:
    if "nowhere" in str(changes):
        (tmp_path / "nowhere").mkdir()
    made = mission(tmp_path, **changes)
    lack = findings(run(tmp_path, "doctor", made, "--json", code=4, PATH=path))[name]
    assert (lack["ok"], lack["needed"]) == (False, True)
    assert said in lack["detail"]
    if "could not be started" in said or not said:
        # `run` finds it too, some of it only when it has begun; and says the same.
        refused = run(tmp_path, "run", made, "--plain", code=4 if said else 2, PATH=path)
        assert lack["detail"].partition(" (")[0] in refused.out + refused.err


def test_without_a_sandbox(tmp_path: Path, path: str) -> None:
    done = run(tmp_path, "doctor", "--json", code=0, PATH=path)
    lack = findings(done)["sandbox/bubblewrap"]
    assert (lack["ok"], lack["needed"], lack["detail"]) == (False, False, "bwrap is not on PATH")
    assert "not fenced in" in lack["means"]
    assert "bubblewrap" in lack["mend"]
    made = mission(tmp_path, defaults="{isolation: strict, backend: script}")
    told = findings(run(tmp_path, "doctor", made, "--json", code=4, PATH=path))
    assert (told["sandbox/isolation"]["ok"], told["sandbox/isolation"]["needed"]) == (False, True)
    said = told["sandbox/isolation"]["detail"]
    assert said == "`isolation: strict` cannot be kept here: bubblewrap: bwrap is not on PATH"
    for verb in (["run", made], ["plan", "--check", made], ["doctor", made]):
        told_again = run(tmp_path, *verb, code=4, PATH=path)
        assert (told_again.out + told_again.err).count(said) == 1
    made.write_text(made.read_text().replace("strict", "auto"))
    told = findings(run(tmp_path, "doctor", made, "--json", code=0, PATH=path))
    assert told["sandbox/isolation"]["detail"].startswith("auto: worktree (no sandbox here: ")


@pytest.mark.parametrize(
    ("says", "mend"),
    [
        ("bwrap: setting up uid map: Permission denied", "apparmor-profiles"),
        ("bwrap: Unknown option --disable-userns", "0.8 or newer"),
        ("bwrap: No permissions to create new namespace", "namespaces"),
        ("bwrap: Can't mount proc on /newroot/proc: Operation not permitted", "systempaths"),
        ("", ""),
    ],
)
def test_a_sandbox_that_does_not_start(tmp_path: Path, path: str, says: str, mend: str) -> None:
    script = f'[ "$1" = --version ] && echo bubblewrap 0.8.0 && exit\necho "{says}" >&2; exit 1'
    program(Path(path), "bwrap", script)
    told = findings(run(tmp_path, "doctor", "--json", code=0, PATH=path))
    lack = told["sandbox/start"]
    assert (lack["ok"], lack["needed"]) == (False, False)
    assert says in lack["detail"]
    assert mend in lack["mend"]
    assert "sandbox/strict" not in told


def test_a_sandbox_that_holds_is_one_line(tmp_path: Path) -> None:
    told = findings(run(tmp_path, "doctor", "--json", code=0))
    found = {name: it for name, it in told.items() if it["area"] == "sandbox"}
    if "sandbox/strict" not in found:
        pytest.skip(f"no sandbox can be kept here: {found}")
    assert list(found) == ["sandbox/strict"]
    assert re.fullmatch(
        r"`strict` can be kept: bubblewrap [\d.]+; \d+ probes hold",
        found["sandbox/strict"]["detail"],
    )


WITHOUT_GO = "import sys; sys.modules['tree_sitter_go'] = None\nfrom orchestrator.cli.main import main; main()"


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ("[pkg/a.go::Run]", 4),
        ("['pkg/*.go::Run*', b.py]", 4),
        ("[pkg/a.go:12]", 4),
        ("[pkg/a.go]", 0),
        ("[a.py::Run]", 0),
        ("[cargo/a.rs::Run, go/b.py::x]", 0),
    ],
)
def test_a_grammar_is_needed_where_scopes_name_symbols(
    tmp_path: Path, files: str, code: int
) -> None:
    made = mission(tmp_path)
    made.write_text(made.read_text().replace("files: [a.txt]", f"files: {files}"))
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_GO, "doctor", made, "--json"],
        cwd=tmp_path,
        env=environment() | {"ORCHESTRATE_CACHE": str(tmp_path.parent / "cache")},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    lack = findings(Done(done.returncode, done.stdout, done.stderr))["languages/go"]
    assert done.returncode == code
    assert (lack["ok"], lack["needed"]) == (False, code == 4)
    assert lack["detail"] == "the grammar of .go is not installed"
    assert "merged line by line" in lack["means"]
    assert "[languages]" in lack["mend"]


def test_agents_that_a_mission_names_and_their_logins(tmp_path: Path, path: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    made = mission(tmp_path, backends="{}", defaults="{backend: claude}")
    told = findings(run(tmp_path, "doctor", made, "--json", code=4, PATH=path, HOME=str(home)))
    absent = told["mission/backend claude"]
    assert "claude is not on PATH" in absent["detail"]
    assert absent["detail"] in run(tmp_path, "run", made, code=4, PATH=path, HOME=str(home)).err
    program(Path(path), "claude", "echo 2.1.332 '(Claude Code)'")
    no_keys = {"ANTHROPIC_API_KEY": "", "ANTHROPIC_AUTH_TOKEN": "", "CLAUDE_CODE_OAUTH_TOKEN": ""}
    given = {"PATH": path, "HOME": str(home), **no_keys}
    told = findings(run(tmp_path, "doctor", made, "--json", code=4, **given))
    agent = told["agents/claude"]
    assert (agent["ok"], agent["needed"]) == (False, True)
    assert "not logged in" in agent["detail"]
    assert agent["mend"]
    # Nobody needs the others, and without the mission nobody needs this one.
    assert {it["name"] for it in told.values() if it["area"] == "agents" and it["needed"]} == {
        "claude"
    }
    run(tmp_path, "doctor", code=0, **given)
    key = given | {"ANTHROPIC_API_KEY": "sk-ant-nobodys-key-0123456789"}
    told = findings(run(tmp_path, "doctor", made, "--json", code=0, **key))
    assert told["agents/claude"]["detail"].startswith("2.1.332, logged in: ")
    assert "nobodys-key" not in str(told)


def test_a_python_that_makes_no_environments(tmp_path: Path, path: str) -> None:
    """As Debian's is, without a package of its own."""
    refuses = 'case "$*" in *ensurepip*) echo "No module named ensurepip" >&2; exit 1;; esac'
    script = f'{refuses}\nexec {sys.executable} "$@"'
    program(Path(path), "python", script)
    told = findings(run(tmp_path, "doctor", "--json", code=0, PATH=path))
    lack = told["python/environments"]
    assert (lack["ok"], lack["needed"]) == (False, False)
    assert "does not work: No module named ensurepip" in lack["detail"]
    assert "python3-venv" in lack["mend"]
    made = mission(tmp_path, workspace="{setup: [python -m venv .venv]}")
    told = findings(run(tmp_path, "doctor", made, "--json", code=4, PATH=path))
    assert told["python/environments"]["needed"]
    made.write_text(made.read_text().replace("python -m venv .venv", "./make-it.sh"))
    run(tmp_path, "doctor", made, code=0, PATH=path)


def test_honest_missions_lack_nothing(tmp_path: Path, path: str) -> None:
    """What is made later, is a path, or is given by `env:` is not missed."""
    tools = program(tmp_path / "tools", "my-linter", "exit 0").parent
    made = mission(
        tmp_path,
        workspace="{setup: [./made-by-nobody-yet, {shell: no-such-tool}, python -m venv .venv]}",
        gates=f"{{g: {{env: {{PATH: {tools}}}, checks: [{{command: [my-linter]}}, {{command: ./x.sh}}]}}}}",
        notify="[{command: ./tell.sh}, {webhook: https://example.org/x}, {webhook: $HOOK}]",
        backends='{script: {command: ["{mission_dir}/agent.sh"], env: [SOME_KEY]}}',
    )
    done = run(tmp_path, "doctor", made, "--json", code=0, PATH=path, HOOK="https://example.org/y")
    told = findings(done)
    assert not [it for it in told.values() if it["needed"] and not it["ok"]]
    # That a variable holds nothing is said; whether it is missed nobody can tell.
    assert (told["mission/variable SOME_KEY"]["ok"], told["mission/variable SOME_KEY"]["needed"]) == (
        False, False,
    )  # fmt: skip


def test_what_a_set_up_may_bring_is_not_needed_now(tmp_path: Path, path: str) -> None:
    made = mission(
        tmp_path,
        workspace="{setup: [python -m venv .venv]}",
        gates="{g: {checks: [{command: [ruff-of-the-venv, check]}]}}",
    )
    told = findings(run(tmp_path, "doctor", made, "--json", code=0, PATH=path))
    assert not told["mission/gate g, command-1"]["needed"]


def test_the_sample_missions_can_be_carried_out_here(tmp_path: Path) -> None:
    for name in ("hello", "websocket", "failing"):
        done = run(tmp_path, "doctor", MISSIONS / f"{name}.yaml", code=0)
        assert f"{name}.yaml needs is here" in done.out


def test_a_mission_with_an_interpreter_of_its_own_needs_no_other(tmp_path: Path) -> None:
    made = mission(tmp_path, workspace=f"{{python: {sys.executable}}}")
    told = findings(run(tmp_path, "doctor", made, "--json", code=0))
    assert not told["python/clean interpreter"]["needed"]
    assert told["python/workspace.python"]["ok"]


def test_a_faulty_mission_is_told_as_ever(tmp_path: Path) -> None:
    made = mission(tmp_path)
    made.write_text(made.read_text().replace("gate: g", "gate: h"))
    assert "h" in run(tmp_path, "doctor", made, code=2).err
