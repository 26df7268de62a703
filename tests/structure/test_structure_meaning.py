"""Pairs of changes that merge and do not go together, and such as do."""

from __future__ import annotations

import pytest

from orchestrator.structure.batch import Edit, check_batch

BASE = """from json import dumps


class Cart:
    def __init__(self):
        self.total = 0

    def size(self):
        return 1

    @property
    def price(self):
        return 2


def load(path, strict=False):
    return [path]


async def fetch(url):
    return url


def opened(path):
    return path
"""
ASYNC = ("def load", "async def load")
GENERATOR = ("return [path]", "yield path")
PROPERTY = ("    def size", "    @property\n    def size")
MANAGER = ("def opened", "@contextmanager\ndef opened")
REORDERED = ("path, strict=False", "strict, path")
INSERTED = ("path, strict=False", "path, mode=None, strict=False")
USE = "from pkg.shop import Cart, load, fetch, opened\n"

PAIRS = [
    (("self.total = 0", "self.amount = 0"), "c = Cart()\nc.total\n", "Cart.total"),
    (("self.total = 0", "self.amount = 0"), "def f(c: Cart): return c.total + 1\n", "Cart.total"),
    (INSERTED, "x = load(1, True)\n", "load"),
    (REORDERED, "x = load('a', True)\n", "load"),
    (ASYNC, "x = load(1)\n", "load"),
    (ASYNC, "for x in load(1): pass\n", "load"),
    (("async def fetch", "def fetch"), "async def f(): return await fetch(1)\n", "fetch"),
    (GENERATOR, "x = load(1)[0]\n", "load"),
    (GENERATOR, "n = len(load(1))\n", "load"),
    (PROPERTY, "x = Cart().size()\n", "Cart.size"),
    (PROPERTY, "c = Cart()\nx = c.size() + 1\n", "Cart.size"),
    (("    @property\n", ""), "c = Cart()\nx = c.price + 1\n", "Cart.price"),
    (MANAGER, "x = opened(1)\n", "opened"),
    (("from json import dumps\n", ""), "from pkg import shop\nshop.dumps({})\n", "dumps"),
    (("from json import dumps\n", ""), "from pkg.shop import dumps\n", "dumps"),
    # What goes together.
    (("self.total = 0", "self.amount = 0"), "def f(bag): return bag.total\n", None),
    (("self.total = 0", "self.amount = 0"), "# total\nx = 'Cart.total'\n", None),
    (INSERTED, "x = load(1)\n", None),
    (INSERTED, "x = load(1, strict=True)\n", None),
    (INSERTED, "x = load(*args)\n", None),
    (REORDERED, "x = load(path=1, strict=True)\n", None),
    (("path, strict", "file, strict"), "x = load(1, True)\n", None),
    (ASYNC, "async def f(): return await load(1)\n", None),
    (ASYNC, "run(load(1))\n", None),
    (ASYNC, "import other\nother.load(1)\n", None),
    (GENERATOR, "for x in load(1): pass\n", None),
    (GENERATOR, "x = list(load(1))\n", None),
    (GENERATOR, "x = [*load(1)]\n", None),
    (PROPERTY, "x = Cart().size\n", None),
    (PROPERTY, "x = [].size()\n", None),
    (MANAGER, "with opened(1) as x: pass\n", None),
    (MANAGER, "stack.enter_context(opened(1))\n", None),
    (("from json import dumps\n", ""), "from json import dumps\ndumps({})\n", None),
    (("from json import dumps\n", "import json\ndumps = json.dumps\n"), "from pkg.shop import dumps\n", None),
    (("def load", "@command()\ndef load"), "x = load(1)\n", None),
]  # fmt: skip


@pytest.mark.parametrize(("change", "user", "symbol"), PAIRS)
def test_pairs(change: tuple[str, str], user: str, symbol: str | None) -> None:
    after = BASE.replace(*change)
    assert after != BASE
    edits = [
        Edit("one", "src/pkg/shop.py", BASE.encode(), after.encode()),
        Edit("two", "src/pkg/use.py", USE.encode(), (USE + user).encode()),
    ]
    assert [found.symbol for found in check_batch(edits)] == ([symbol] if symbol else [])


@pytest.mark.parametrize(
    ("user", "is_told"),
    [
        (b"import pkg.util\n", True),
        (b"import pkg.util as u\n", True),
        (b"from pkg import util\n", True),
        (b"import util\n", False),
        (b"import other.util\n", False),
        (b"# import pkg.util\n", False),
    ],
)
def test_a_module_that_is_gone(user: bytes, *, is_told: bool) -> None:
    gone = Edit("one", "src/pkg/util.py", b"# nothing in it\n", None)
    edits = [gone, Edit("two", "src/use.py", b"", user)]
    assert bool(check_batch(edits)) == is_told
    moved = Edit("one", "src/pkg/util/__init__.py", None, b"# nothing in it\n")
    assert check_batch([*edits, moved]) == []
