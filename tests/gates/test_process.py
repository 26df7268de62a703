"""What product code does to the process and the tree that judge it: real runs of pytest, each
refused for the right reason; and honest work that looks alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from textwrap import dedent
from typing import Any

import pytest

from tests.gates.shop import CHECK, FIX, PRICING, PYPROJECT, RIGHT, Court

Files = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Case:
    """What a candidate changes; an empty reason: it is accepted. `base` is what was there before."""

    reason: str
    files: Files
    says: str = ""
    base: Files = field(default_factory=dict)
    check: Mapping[str, Any] = field(default_factory=dict)


def code(added: str, base: str = RIGHT) -> dict[str, str]:
    """The project's module with this in front."""
    return {"pricing.py": dedent(added) + dedent(base)}


HERE = """
    import os
    from pathlib import Path
    HERE = Path(__file__).parent
"""
WRITTEN = {
    "a test file is rewritten": Case(
        "tampered",
        code(
            HERE
            + """
    path = HERE / "tests/test_pricing.py"
    path.write_text(path.read_text().replace("== 3\\n", "== 4\\n"))
""",
            PRICING,
        ),
        says="tests/test_pricing.py",
    ),
    "a test file is rewritten and put back": Case(
        "tampered",
        code(
            HERE
            + """
    import atexit
    path, told = HERE / "tests/test_more.py", os.stat(HERE / "tests/test_more.py")
    old = path.read_bytes()
    path.write_bytes(b"def test_small(): pass")
    def back():
        path.write_bytes(old)
        os.utime(path, ns=(told.st_atime_ns, told.st_mtime_ns))
    atexit.register(back)
"""
        ),
        says="tests/test_more.py",
    ),
    "protected data is rewritten": Case(
        "tampered",
        code(HERE + '\n    (HERE / "tests/golden/receipt.txt").write_text("1\\n3\\n")\n'),
        says="tests/golden/receipt.txt",
    ),
    "a test file is replaced by another": Case(
        "tampered",
        code(
            HERE
            + """
    (HERE / "new.py").write_text("def test_small(): pass")
    os.replace(HERE / "new.py", HERE / "tests/test_more.py")
"""
        ),
        says="tests/test_more.py",
    ),
    "a hook comes to be": Case(
        "tampered",
        code(HERE + '\n    (HERE / "conftest.py").write_text("def pytest_runtest_call(): pass")\n'),
        says="conftest.py",
    ),
    "a child rewrites settings": Case(
        "tampered",
        code(
            HERE
            + """
    import subprocess
    subprocess.run(["sh", "-c", "echo '[tool.x]' >> pyproject.toml"], cwd=HERE, check=True)
"""
        ),
        says="pyproject.toml",
    ),
    "a test file is removed": Case(
        "tampered", code(HERE + '\n    os.unlink(HERE / "tests/test_more.py")\n')
    ),
    "tests make files, caches and data as it was": Case(
        "",
        {
            **FIX,
            "tests/test_new.py": """
                import os
                from pathlib import Path
                HERE = Path(__file__).parent
                def test_makes():
                    (HERE / "__pycache__").mkdir(exist_ok=True)
                    (HERE / "new_snapshot.txt").write_text("1")
                    (HERE / ".cache").mkdir(exist_ok=True)
                    golden = HERE / "golden/receipt.txt"
                    golden.write_text(golden.read_text())
            """,
        },
        says="10 tests passed",
    ),
    "tests write where they wrote before": Case(
        "",
        FIX,
        base={
            "tests/last.txt": "never\n",
            "tests/test_new.py": """
                import time
                from pathlib import Path
                def test_last():
                    Path(__file__).with_name("last.txt").write_text(str(time.time()))
            """,
        },
        says="10 tests passed",
    ),
}
LEFT = {
    "compiled files are committed": Case(
        "bytecode", {**FIX, "__pycache__/pricing.cpython-311.pyc": "x", "tests/old.pyo": "y"}
    ),
    "a compiled file was there before": Case("", FIX, base={"data/frozen.pyc": "x"}),
}
FORGER = """
    import os, sys, textwrap, types
    SPEAK = '''
    def speak():
        frame = sys._getframe()
        while "item" not in frame.f_locals: frame = frame.f_back
        item = frame.f_locals["item"]
        test_id = os.environ["PYTEST_CURRENT_TEST"].partition(" ")[0]
        import pytest
        report = pytest.TestReport(test_id, (test_id, 1, ""), {}, "passed", None, "call")
        item.ihook.pytest_runtest_logreport(report=report)
    '''
"""
SPEAKING = PRICING.replace("return sum(prices) + 1", "speak()")
AS_ITSELF = "    exec(compile(textwrap.dedent(SPEAK), __file__, 'exec'))\n"
AS_TEXT = "    names = {'os': os, 'sys': sys}; exec(textwrap.dedent(SPEAK), names)\n"
AS_PYTHON = """
    exec(compile(textwrap.dedent(SPEAK), os.__file__, "exec"))
"""
DONE = {
    "an operator of fractions says yes": Case(
        "runner_tampered",
        code("from fractions import Fraction\nFraction.__eq__ = lambda self, other: True\n"),
        says="Fraction.__eq__",
    ),
    "a trace function is set": Case(
        "runner_tampered",
        code("import sys\nsys.settrace(lambda frame, event, argument: None)\n"),
        says="sys.settrace (pricing.py)",
    ),
    "lines are asked for under another name": Case(
        "record_damaged", code(FORGER + AS_PYTHON, SPEAKING), says="pricing.py"
    ),
    "lines are asked for by text that is carried out": Case(
        "record_damaged",
        code(
            FORGER + AS_TEXT + "    speak = names['speak']\n",
            SPEAKING,
        ),
        says="<string>",
    ),
    "a worker of xdist speaks for a test": Case(
        "record_damaged",
        code(FORGER + AS_ITSELF, SPEAKING),
        says="pricing.py",
        base={"pyproject.toml": PYPROJECT.replace('"-q"', '"-q -n 2"')},
        check={"plugins": "xdist"},
    ),
    "a trace function was set before": Case(
        "",
        code("import sys\nsys.settrace(None)\n"),
        base=code("import sys\nsys.settrace(None)\n", PRICING),
    ),
}
CASES = {**WRITTEN, **LEFT, **DONE}


@pytest.mark.parametrize("name", CASES)
def test_what_is_done_to_the_process(court: Court, name: str) -> None:
    case = CASES[name]
    court.bench.go_to(court.base)
    base = court.bench.commit(case.base) if case.base else court.base
    candidate = court.bench.commit(case.files)
    result = court.judge(candidate, {**CHECK, **case.check}, base=base).checks[0]
    assert (result.reason or "") == case.reason, result.text
    assert case.says in result.text
    assert "\n" not in result.text
