"""Which files are the test side, and which the product's, whatever they are called."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from orchestrator.gates.observing.permitted import differs_elsewhere
from orchestrator.gates.observing.test_side import Layout, layout_of, shadows

TEST = b"def test_it(): pass\n"
PRODUCT = b"def rate(): return 1\n"
HELPER = b"import pytest\n\ndef check(): pass\n"


def laid_out(files: Mapping[str, bytes], *selected: str) -> Layout:
    return layout_of(files, files.get, selected)


BY_NAME = (
    "tests/test_a.py",
    "tests/helpers/deep/given.py",
    "tests/data/golden.bin",
    "src/shop/tests/util.py",
    "unit_tests/x.py",
    "integration-tests/x.ts",
    "UnitTests/Case.swift",
    "conftest.py",
    "src/conftest.py",
    "src/__tests__/cart.ts",
    "src/__snapshots__/cart.tsx.snap",
    "src/cart.test.ts",
    "src/cart.spec.js",
    "src/cart.test.mjs",
    "pkg/cart_test.go",
    "shop/CartTest.java",
    "shop/CartTests.cs",
    "e2e/cart.ts",
    "e2e/cart.spec.ts",
    "packages/cart/spec/given.rb",
    "packages/cart/spec/cart_spec.rb",
    "lib/cart_spec.rb",
    "test/cart.bats",
    "jest.config.js",
    "vitest.config.ts",
    "src/test/java/Helper.java",
    "src/test/resources/cart.json",
)
PRODUCT_BY_NAME = (
    "numpy/testing/__init__.py",
    "starlette/testclient.py",
    "django/test/client.py",
    "shop/contest.py",
    "latest/a.py",
    "protests.py",
    "spec/openapi.yaml",
    "attest/model.py",
    "src/testing_tools/run.py",
    "docs/testing.md",
    "pytest_shop/plugin.py",
    "tests/README.md",
    "src/main/java/shop/TestResult.java",
    "src/main/java/shop/AbTest.java",
    "src/shop/KeySpec.java",
    "src/features/cart/cart.ts",
    "src/spec/parser.ts",
    "specs/plan.md",
    "test",
)


def test_names_that_are_enough() -> None:
    beside = ("src/features/cart/cart.test.ts", "src/spec/parser.test.ts")
    layout = laid_out(dict.fromkeys((*BY_NAME, *PRODUCT_BY_NAME, *beside), b""))
    assert [path for path in BY_NAME if not layout.is_test_side(path)] == []
    assert [path for path in PRODUCT_BY_NAME if layout.is_test_side(path, PRODUCT)] == []


@pytest.mark.parametrize("name", ["ab_test.py", "test_drive.py", "tests.py", "test.py"])
def test_names_that_products_have_too(name: str) -> None:
    """What stands in such a file tells, unless it is run as a test."""
    path = f"shop/{name}"
    layout = laid_out({path: PRODUCT, "shop/__init__.py": b""})
    assert not layout.is_test_side(path, PRODUCT)
    assert layout.is_test_side(path, TEST)
    assert layout.is_test_side(path, b"class TestIt:\n    def test_it(self): ...\n")
    assert laid_out({path: PRODUCT}, "shop").is_test_side(path, PRODUCT) == ("_" in name)


def test_folders_by_what_lies_in_them() -> None:
    files = {
        **{f"checks/test_{n}.py": TEST for n in range(3)},
        "checks/given.py": PRODUCT,
        "shop/a.py": PRODUCT,
        "shop/b.py": PRODUCT,
        "shop/test_a.py": TEST,
        "test/test_b.py": TEST,
        "test/given.json": b"{}",
    }
    layout = laid_out(files, "checks", "shop")
    assert layout.is_test_side("checks/given.py", PRODUCT)
    assert layout.is_test_side("checks/new/given.json")
    assert layout.is_test_side("test/given.json")
    assert not layout.is_test_side("shop/a.py", PRODUCT)
    assert not laid_out(files, ".").is_test_side("checks/given.py", PRODUCT)
    settings = {**files, "pytest.ini": b"[pytest]\ntestpaths = checks\n"}
    assert laid_out(settings).is_test_side("checks/given.py", PRODUCT)
    named = {"pytest.ini": b"[pytest]\npython_files = check_*.py\n", "qa/check_a.py": TEST}
    assert laid_out(named, "qa").is_test_side("qa/check_a.py", PRODUCT)
    assert laid_out(named).is_collected("qa/check_a.py")


def test_helpers_beside_tests_in_no_package() -> None:
    flat = {"test_shop.py": TEST, "shop.py": PRODUCT, "given.py": HELPER}
    layout = laid_out(flat, "test_shop.py")
    assert layout.is_test_side("given.py", HELPER)
    assert not layout.is_test_side("shop.py", PRODUCT)
    package = {f"shop/{path}": content for path, content in flat.items()} | {
        "shop/__init__.py": b""
    }
    assert not laid_out(package).is_test_side("shop/given.py", HELPER)


def test_plug_ins_that_are_loaded() -> None:
    files = {
        "conftest.py": b'pytest_plugins = ["extras", "shop.given"]\nfrom more import one\nimport shop.a\n',
        "extras.py": PRODUCT,
        "src/shop/given.py": PRODUCT,
        "more.py": HELPER,
        "shop/a.py": PRODUCT,
        "named.py": PRODUCT,
        "pytest.ini": b"[pytest]\naddopts = -p named -p no:cacheprovider\n",
    }
    assert laid_out(files).plugins == {"extras.py", "src/shop/given.py", "more.py", "named.py"}
    own = {
        "pyproject.toml": b'[project.entry-points.pytest11]\nshop = "pytest_shop.plugin"\n',
        "src/pytest_shop/plugin.py": HELPER,
        "tests/conftest.py": b'pytest_plugins = ["pytester", "pytest_shop.plugin"]\n',
    }
    layout = laid_out(own)
    assert (layout.plugins, layout.is_registered) == (frozenset(), True)


def test_new_files_that_would_be_imported_in_place_of_others() -> None:
    paths = frozenset(
        ("shop.py", "src/cart/__init__.py", "tests/helpers.py", "tests/pkg/__init__.py")
    )
    told = {
        "tests/shop.py": "shop.py",
        "tests/cart.py": "src/cart/__init__.py",
        "tests/cart/__init__.py": "src/cart/__init__.py",
        "tests/helpers/__init__.py": "tests/helpers.py",
        "tests/other.py": None,
        "tests/pkg/shop.py": None,
        "tests/conftest.py": None,
        "tests/__init__.py": None,
        "tests/shop.json": None,
    }
    for path, other in told.items():
        found = shadows([path], paths | {path}, lambda each: each.startswith("tests/"))
        assert next((each.other for each in found), None) == other, path


@pytest.mark.parametrize(
    ("before", "after", "differs"),
    [
        ("def test_a(): assert 1\n", "def test_a(): pass\n", False),
        ("def test_a(): assert 1\n", "", False),
        ("x = 1\n", "# why\nx = 1\n", False),
        ("def test_b(): assert 1\n", "def test_b(): pass\n", True),
        ("x = 1\ndef test_a(): pass\n", "x = 2\n", True),
        ("class TestA:\n    def test_a(self): pass\n", "class TestA:\n    x = 1\n", True),
        ("class TestA:\n    def test_a(self): 1\n    y = 1\n", "class TestA:\n    y = 1\n", False),
        ("def test_a(): pass\n", "def test_a(: pass\n", True),
        ("x = 1\n", f"x = {' + '.join('1' * 5000)}\n", True),
    ],
)
def test_what_differs_beside_tests_that_may(before: str, after: str, *, differs: bool) -> None:
    named = {"test_a", "TestA::test_a"}
    assert differs_elsewhere(before.encode(), after.encode(), named.__contains__) == differs


@pytest.mark.parametrize("selected", ["shop", ".", "shop/tests"])
def test_a_package_that_holds_more_tests_than_modules_is_product(selected: str) -> None:
    files = {"shop/__init__.py": b"", "shop/cart.py": PRODUCT}
    files |= {f"shop/tests/test_{name}.py": TEST for name in "abc"}
    layout = laid_out(files, selected)
    assert not layout.is_test_side("shop/cart.py", PRODUCT)
    assert layout.is_test_side("shop/tests/test_a.py", TEST)
