"""How names and paths that git gives as bytes are text in this program, and become bytes again."""

from __future__ import annotations


def decode(raw: bytes) -> str:
    """Bytes from git as text; what is not UTF-8 comes through as surrogates and goes back unchanged
    by `encode`.
    """
    return raw.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    """The bytes of a path or name that `decode` made."""
    return text.encode("utf-8", "surrogateescape")
