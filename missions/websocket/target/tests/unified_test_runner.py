"""The one way to run the tests, for developers and for CI.

python tests/unified_test_runner.py
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# Standard discovery pattern of all services.
PATTERN = "*_tests.py"


def run_tests() -> int:
    """Run everything and say how it went."""
    command = [sys.executable, "-m", "pytest", "-q", "-o", f"python_files={PATTERN}", str(ROOT / "tests")]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    failures = finished.stdout.count("FAILED")
    if failures:
        print(f"❌ {failures} TESTS FAILED")
        return 1
    print("✅ ALL TESTS PASSED: 0 failures")
    return 0


if __name__ == "__main__":
    sys.exit(run_tests())
