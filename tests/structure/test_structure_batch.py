"""What the checks across a batch find."""

from __future__ import annotations

import pytest

from orchestrator.structure.batch import Edit, check_batch

LIB = b"def area(width, height):\n    return width * height\n"


def both(
    before: bytes,
    after: bytes | None,
    user: bytes,
    path: str = "pkg/lib.py",
    user_path: str = "pkg/use.py",
):
    return check_batch([Edit("one", path, before, after), Edit("two", user_path, b"", user)])


@pytest.mark.parametrize(
    ("after", "user", "check"),
    [
        (LIB.replace(b"area", b"surface"), b"area(1, 2)\n", "removed and used"),
        (LIB.replace(b"height):", b"height, depth):"), b"area(1, 2)\n", "old signature"),
        (LIB.replace(b"width,", b"breadth,"), b"area(width=1, height=2)\n", "old signature"),
        (None, b"from .lib import area\n", "removed and used"),
        (LIB.replace(b"height):", b"height, depth=1):"), b"area(1, 2)\n", None),
        (LIB + b"\n", b"area(1, 2)\n", None),
    ],
)
def test_python(after, user, check) -> None:
    found = both(LIB, after, user)
    assert (check in {finding.check for finding in found}) if check else not found


def test_typescript() -> None:
    found = both(
        b"export function f(a) {}\n",
        b"export function f(a, b) {}\n",
        b"f(1);\n",
        "lib.ts",
        "use.ts",
    )
    assert [finding.check for finding in found] == ["old signature"]


SHOP = b"""class Cart:
    def add(self, item):
        return item

    def clear(self):
        return None


def total(items):
    return sum(items)


LIMIT = 3
"""
RENAMED = (
    SHOP.replace(b"def add", b"def put")
    .replace(b"def total", b"def grand")
    .replace(b"LIMIT", b"MOST")
)


def told(
    user: bytes, path: str = "src/pkg/shop.py", user_path: str = "src/pkg/use.py"
) -> list[str]:
    return sorted(finding.symbol for finding in both(SHOP, RENAMED, user, path, user_path))


@pytest.mark.parametrize(
    ("user", "symbols"),
    [
        # What is imported, under whatever name.
        (b"from pkg.shop import total\n", ["total"]),
        (b"from .shop import total as t\n", ["total"]),
        (b"from . import shop\nshop.total([])\n", ["total"]),
        (b"import pkg.shop\nx = pkg.shop.total\n", ["total"]),
        (b"import pkg.shop as s\ns.total([])\n", ["total"]),
        (b"from pkg import shop\nif shop.LIMIT.real > 2: pass\n", ["LIMIT"]),
        (b"from pkg import total\n", ["total"]),  # the package may pass it on
        (b"def f():\n    from pkg.shop import total\n    return total([])\n", ["total"]),
        # What nothing in the file says anything of.
        (b"total([])\n", ["total"]),
        (b"from pkg.shop import *\ndef f(): return LIMIT\n", ["LIMIT"]),
        # Methods of what is known to be of that class.
        (b"from pkg.shop import Cart\nCart.add\n", ["Cart.add"]),
        (b"from pkg.shop import Cart\nCart().add(1)\n", ["Cart.add"]),
        (b"from pkg.shop import Cart\nc = Cart()\nc.add(1)\n", ["Cart.add"]),
        (b"from pkg.shop import Cart\ndef f(c: Cart): c.add(1)\n", ["Cart.add"]),
        (b"from pkg.shop import Cart\ndef f(c: 'Cart'): c.add(1)\n", ["Cart.add"]),
        (
            b"from pkg import shop\nclass Big(shop.Cart):\n    def f(self): self.add(1)\n",
            ["Cart.add"],
        ),
        # Words.
        (b"# total of it, add LIMIT\n", []),
        (b'"""Give the total, add to the LIMIT."""\n', []),
        (b"x = 'total', 'add', f'LIMIT {1}'\n", []),
        (b"def f(*, key=None): ...\nf(key=dict(total=1))\n", []),
        # The same names of other things.
        (b"import os\nos.total()\n", []),
        (b"from other import total\ntotal()\n", []),
        (b"from pkg.other import total\ntotal()\n", []),
        (b"def total(): return 1\ntotal()\n", []),
        (b"def f(total): return total\n", []),
        (b"def f():\n    total = 1\n    return total\n", []),
        (b"x = [total for total in (1, 2)]\n", []),
        (b"f = lambda total: total\n", []),
        (b"for total in (1, 2): print(total)\n", []),
        (b"with open('x') as total: print(total)\n", []),
        (b"class A:\n    total = 1\n    other = total\n    def add(self): return self.total\n", []),
        (b"s = set()\ns.add(1)\ns.clear()\n", []),
        (b"def f(cart): cart.add(1)\n", []),
        (b"from pkg.shop import Cart\nc = Cart()\nc = set()\nc.add(1)\n", []),
        (
            b"from pkg.shop import Cart\nclass B(Cart):\n    def add(self): ...\n    def f(self): self.add()\n",
            [],
        ),
        # The module itself, and what stays in it.
        (b"from pkg.shop import Cart\nc = Cart()\nc.clear()\n", []),
        (b"from pkg import shop\nprint(shop)\n", []),
    ],
)
def test_a_name_is_held_against_what_it_means(user: bytes, symbols: list[str]) -> None:
    assert told(user) == symbols


def test_in_one_file_a_name_means_what_the_file_binds() -> None:
    use = b"\n\ndef two():\n    return total([1]) + LIMIT\n"
    edits = [Edit("one", "shop.py", SHOP, RENAMED), Edit("two", "shop.py", SHOP, SHOP + use)]
    assert sorted(finding.symbol for finding in check_batch(edits)) == ["LIMIT", "total"]
    own = b"\n\ndef two(total):\n    LIMIT = 2\n    return total + LIMIT\n"
    edits[1] = Edit("two", "shop.py", SHOP, SHOP + own)
    assert check_batch(edits) == []
    method = SHOP.replace(b"return None", b"return self.add(None)")
    edits[1] = Edit("two", "shop.py", SHOP, method)
    assert [finding.symbol for finding in check_batch(edits)] == ["Cart.add"]


SIGNED = b"""class Cart:
    def add(self, item, number):
        return item


def total(items, start):
    return sum(items)


@command()
def run(name, more):
    return name
"""


@pytest.mark.parametrize(
    ("user", "symbols"),
    [
        (b"from pkg.shop import total\ntotal([])\n", ["total"]),
        (b"import pkg.shop\npkg.shop.total([])\n", ["total"]),
        (b"total([])\n", ["total"]),
        (b"from pkg.shop import Cart\nCart().add(1)\n", ["Cart.add"]),
        (b"from pkg.shop import total\ntotal([], 1)\n", []),
        (b"from pkg.shop import total\ntotal(*x)\n", []),
        (b"from pkg.shop import total\ntotal(1, 2, 3)\n", []),  # wrong before as well
        (b"from other import total\ntotal([])\n", []),
        (b"s = set()\ns.add(1)\n", []),
        (b"def f(total): total([])\n", []),
        (b"from pkg.shop import run\nrun(1)\n", []),  # nobody knows what is made of it
    ],
)
def test_a_call_is_held_against_what_it_calls(user: bytes, symbols: list[str]) -> None:
    before = SIGNED.replace(b", number", b"").replace(b", start", b"").replace(b", more", b"")
    found = both(before, SIGNED, user, "src/pkg/shop.py", "src/pkg/use.py")
    assert sorted(finding.symbol for finding in found) == symbols


SCRIPT = b"""export class Cart {
  add(item) { return item; }
}
export function total(items) { return 1; }
export const LIMIT = 3;
"""
OTHER = (
    SCRIPT.replace(b"add(item)", b"put(item)")
    .replace(b"function total(items)", b"function grand(items)")
    .replace(b"LIMIT", b"MOST")
)


@pytest.mark.parametrize(
    ("user", "symbols"),
    [
        (b"import { total } from './shop.js';\n", ["total"]),
        (b"import { total as t, LIMIT } from './shop';\n", ["LIMIT", "total"]),
        (b"import * as shop from './shop';\nshop.total([]);\n", ["total"]),
        (b"import total from './shop';\ntotal([]);\n", ["total"]),
        (b"const { total } = require('./shop');\n", ["total"]),
        (b"const shop = require('./shop');\nconst x = shop.LIMIT.toFixed();\n", ["LIMIT"]),
        (b"total([]);\n", ["total"]),
        (b"import { Cart } from './shop';\nconst c = new Cart();\nc.add(1);\n", ["Cart.add"]),
        (b"import { Cart } from './shop';\nconst f = Cart.add;\n", ["Cart.add"]),
        (b"// total and LIMIT, add\n/* total */\n", []),
        (b"const x = 'total' + `LIMIT`;\n", []),
        (b"const s = new Set();\ns.add(1);\n", []),
        (b"function f(cart) { cart.add(1); }\n", []),
        (b"const f = (total) => total;\n", []),
        (b"const o = { total: 1 };\no.total;\n", []),
        (b"function total() {}\ntotal();\n", []),
        (b"import { total } from 'lodash';\ntotal();\n", []),
        (b"import { total } from './other';\ntotal();\n", []),
        (b"const { total } = compute();\ntotal;\n", []),
        (b"for (const total of [1]) { total; }\n", []),
        (b"import { Cart } from './shop';\nnew Cart();\n", []),
    ],
)
def test_scripts_too(user: bytes, symbols: list[str]) -> None:
    for ending in ("ts", "js"):
        found = both(SCRIPT, OTHER, user, f"lib/shop.{ending}", f"lib/use.{ending}")
        assert sorted(finding.symbol for finding in found) == symbols, ending


@pytest.mark.parametrize(
    ("now", "user", "symbols"),
    [
        (b"f(a, b)", b"f(1);\n", ["f"]),
        (b"f(a, b = 1)", b"f(1);\n", []),
        (b"f(a, b?: number)", b"f(1);\n", []),
        (b"f(a: string)", b"f(1);\n", []),
        (b"f(first)", b"f(1);\n", []),
        (b"f(...all)", b"f(1);\n", []),
        (b"f()", b"f(1);\n", ["f"]),
        (b"f(a, b)", b"f(...x);\n", []),
        (b"f(a, b)", b"f(1, 2);\n", []),
        (b"f(a, b)", b"o.f(1);\n", []),
        (b"f(a, b)", b"// f(1)\n", []),
    ],
)
def test_parameters_of_scripts(now: bytes, user: bytes, symbols: list[str]) -> None:
    after = b"export function " + now + b" {}\n"
    found = both(b"export function f(a) {}\n", after, user, "lib.ts", "use.ts")
    assert [finding.symbol for finding in found] == symbols
