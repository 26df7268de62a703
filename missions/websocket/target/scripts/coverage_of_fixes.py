"""How much of the repaired WebSocket code the unit and integration tests execute.

    python scripts/coverage_of_fixes.py --json

Runs `tests/websocket` and `tests/integration` under coverage and prints the share of executed statements of
the modules in `FIXES`. With no test executed the coverage is 0, whatever an import may have touched.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SUITES = ("tests/websocket", "tests/integration")
APP = "netra_backend/app"
FIXES = (
    f"{APP}/smd.py",
    f"{APP}/startup_module.py",
    f"{APP}/services/websocket_connection_pool.py",
    f"{APP}/services/websocket_bridge_factory.py",
    f"{APP}/services/factory_adapter.py",
    f"{APP}/services/websocket_models.py",
    f"{APP}/services/user_websocket_emitter.py",
    f"{APP}/services/websocket_context_manager.py",
    f"{APP}/services/websocket_event_router.py",
    f"{APP}/agents/enhanced_tool_execution_engine.py",
    f"{APP}/agents/supervisor/supervisor_consolidated.py",
    f"{APP}/agents/supervisor/tool_dispatcher.py",
    f"{APP}/agents/supervisor/execution_factory.py",
    f"{APP}/agents/supervisor/isolated_execution_engine.py",
    f"{APP}/agents/supervisor/agent_registry.py",
)


def measure(suites: tuple[str, ...] = SUITES) -> dict[str, object]:
    """Coverage in percent, the number of tests, and the lines that no test reached, by file."""
    present = [suite for suite in suites if any((ROOT / suite).glob("test_*.py"))]
    if not present:
        return {"percent": 0.0, "tests": 0, "failed": 0, "missing": {}}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        environment = os.environ | {"COVERAGE_FILE": str(place / "data")}
        coverage = [sys.executable, "-m", "coverage"]
        junit = place / "junit.xml"
        pytest = ["-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={junit}", *present]
        only = ["--include", ",".join(FIXES)]
        subprocess.run(
            [*coverage, "run", *only, *pytest],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            check=False,
        )
        report = place / "coverage.json"
        subprocess.run(
            [*coverage, "json", *only, "-q", "-o", str(report)], cwd=ROOT, env=environment, check=False
        )
        suite = ET.parse(junit).getroot().find("testsuite")
        tests, failed = int(suite.get("tests")), int(suite.get("failures")) + int(suite.get("errors"))
        data = json.loads(report.read_text(encoding="utf-8"))
    missing = {
        path: found["missing_lines"] for path, found in data["files"].items() if found["missing_lines"]
    }
    missing |= {path: ["never imported"] for path in FIXES if path not in data["files"]}
    statements = sum(found["summary"]["num_statements"] for found in data["files"].values())
    covered = sum(found["summary"]["covered_lines"] for found in data["files"].values())
    percent = 100 * covered / statements if tests and statements and len(data["files"]) == len(FIXES) else 0.0
    return {"percent": round(percent, 2), "tests": tests, "failed": failed, "missing": missing}


def main() -> int:
    """Print the measurement; fails when a test failed, for then the number means nothing."""
    parser = argparse.ArgumentParser(description="Coverage of the repaired WebSocket code.")
    parser.add_argument("--json", action="store_true", help="for machines")
    result = measure()
    if parser.parse_args().json:
        print(json.dumps(result, indent=2))
    else:
        print(f"{result['percent']}% by {result['tests']} tests")
        for path, lines in result["missing"].items():
            print(f"  {path}: {', '.join(map(str, lines))}")
    return 1 if result["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
