"""Audit the single source of truth: how much of the code base is free of the legacy WebSocket singleton.

    python scripts/ssot_audit.py [--json]

A file violates when it keeps an instance of its own process-wide manager, imports the legacy manager, awaits
`get_websocket_manager` (which is not a coroutine), or configures another port than the other files do.
`compliance` is the share of files without a violation, in percent.
"""

import argparse
import ast
import json
import re
import tomllib
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LEGACY_PACKAGE = "netra_backend.app.websocket_core"
LEGACY_FUNCTION = "get_websocket_manager"


def audit(root: Path = ROOT) -> dict[str, object]:
    """The report: compliance, number of files, and the violations by file."""
    violations: dict[str, list[str]] = {}
    sources = sorted((root / "netra_backend").rglob("*.py"))
    for source in sources:
        found = code_violations(ast.parse(source.read_text(encoding="utf-8")))
        if found:
            violations[source.relative_to(root).as_posix()] = found
    ports = configured_ports(root / "config")
    usual = Counter(ports.values()).most_common(1)[0][0] if ports else None
    for place, port in sorted(ports.items()):
        if port != usual:
            violations.setdefault(f"config/{place.partition(':')[0]}", []).append(
                f"{place}: port {port}, elsewhere {usual}"
            )
    files = len(sources) + len({place.partition(":")[0] for place in ports})
    compliance = 100 * (files - len(violations)) / files
    return {"compliance": round(compliance, 1), "files": files, "violations": violations}


def code_violations(tree: ast.Module) -> list[str]:
    """What is wrong in one module."""
    found = []
    for node in ast.walk(tree):
        if any(name.startswith(LEGACY_PACKAGE) for name in _imported(node)):
            found.append(f"line {node.lineno}: imports the legacy manager")
        elif isinstance(node, ast.Await) and _called_name(node.value) == LEGACY_FUNCTION:
            found.append(f"line {node.lineno}: awaits {LEGACY_FUNCTION}(), which is not a coroutine")
        elif isinstance(node, ast.Global) and any(name.endswith("_instance") for name in node.names):
            found.append(f"line {node.lineno}: keeps a process-wide instance")
    return found


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return [name.name for name in node.names] if isinstance(node, ast.Import) else []


def _called_name(node: ast.expr) -> str | None:
    if not isinstance(node, ast.Call):
        return None
    return getattr(node.func, "id", None) or getattr(node.func, "attr", None)


def configured_ports(config: Path) -> dict[str, int]:
    """The backend's port by the place that states it (`file:environment`)."""
    ports = {}
    for path in sorted(config.glob("*.toml")):
        ports[f"{path.name}:{path.stem}"] = tomllib.loads(path.read_text(encoding="utf-8"))["server"]["port"]
    frontend = config / "frontend.json"
    if frontend.exists():
        for environment, values in json.loads(frontend.read_text(encoding="utf-8")).items():
            match = re.search(r":(\d+)/", values["websocket_url"])
            if match:
                ports[f"{frontend.name}:{environment}"] = int(match[1])
    return ports


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(description="Audit the WebSocket single source of truth.")
    parser.add_argument("--json", action="store_true", help="for machines")
    report = audit()
    if parser.parse_args().json:
        print(json.dumps(report, indent=2))
        return
    print(f"{report['compliance']}% of {report['files']} files comply")
    for path, found in report["violations"].items():
        print(*(f"  {path}: {violation}" for violation in found), sep="\n")


if __name__ == "__main__":
    main()
