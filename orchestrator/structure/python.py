"""Python source as a syntax tree: the one door to the parser.

One thread at a time goes through it. What the parser counts, how deep it is, and the filters of
warnings are one for all threads: two that parse at once now and then make one another fail, with a
`SystemError` (seen with Python 3.11).
"""

from __future__ import annotations

import ast
import threading
import warnings

_ONE_AT_A_TIME = threading.RLock()


def tree_of(source: bytes, *, is_compiled: bool = False) -> ast.Module:
    """The syntax tree, without a word on what is odd in the source. With `is_compiled` the compiler
    itself must take it.

    Raises SyntaxError where it is none, and RecursionError where it is too deep to be read.
    """
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = ast.parse(source)
            if is_compiled:
                compile(tree, "<source>", "exec", dont_inherit=True)
        except (ValueError, MemoryError) as error:
            raise SyntaxError(str(error)) from error
        return tree


def parsed(source: bytes | None) -> ast.Module | None:
    """The syntax tree (of nothing, for None); None where there is none."""
    try:
        return tree_of(source or b"")
    except (SyntaxError, RecursionError):
        return None
