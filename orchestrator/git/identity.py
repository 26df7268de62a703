"""Who makes commits: the person in whose name a run's work lands.

Owns how such a person is written, in a mission and in git. Who it is, is decided where a run's store
is made; the store keeps it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_WRITTEN = re.compile(r"\s*([^<>\n\0]*[^<>\s\0])\s*<\s*([^<>\s\0]+)\s*>\s*")
_CRUD = " .,:;<>\"\\'"
"""What git takes off the ends of names."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A name and an address, of which git would leave something over."""

    name: str
    email: str

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"

    @classmethod
    def parse(cls, text: str) -> Identity | None:
        """What `Name <address>` says; None where it is not of this form."""
        found = _WRITTEN.fullmatch(text)
        if found is None or not found[1].strip(_CRUD) or not found[2].strip(_CRUD):
            return None
        return cls(found[1], found[2])

    @property
    def configuration(self) -> str:
        """As git's configuration files say it."""
        name, email = (
            '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
            for value in (self.name, self.email)
        )
        return f"[user]\n\tname = {name}\n\temail = {email}\n"

    @classmethod
    def of_configuration(cls, text: str) -> Identity | None:
        """Who a file says it is into which `configuration` was written."""
        found = re.search(r'^\[user\]\n\tname = "(.*)"\n\temail = "(.*)"\n', text, re.MULTILINE)
        plain = [re.sub(r"\\(.)", r"\1", value) for value in found.groups()] if found else []
        return cls(*plain) if plain else None

    @property
    def environment(self) -> dict[str, str]:
        """As git is told for one command."""
        return {
            "GIT_AUTHOR_NAME": self.name,
            "GIT_AUTHOR_EMAIL": self.email,
            "GIT_COMMITTER_NAME": self.name,
            "GIT_COMMITTER_EMAIL": self.email,
        }


OURS = Identity("orchestrate", "orchestrate@localhost")
"""Of commits that nobody else is named for."""
