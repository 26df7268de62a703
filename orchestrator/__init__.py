"""Parallel multi-agent remediation: isolated, merged, and proven before it lands."""

DISTRIBUTION = "orchestrate-missions"
"""What the package index calls it; the command is `orchestrate`, the import `orchestrator`."""


def version() -> str:
    """The installed version; `unknown` where the sources are not installed."""
    from importlib import metadata  # takes longer than most verbs' own imports

    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "unknown"
