"""How each kind of check is carried out on one tree: a Protocol and a literal registry.

A runner makes an observation and decides nothing. Approvals are not here: nothing is run for them.
"""

from __future__ import annotations

from typing import Any

from orchestrator.gates.observing.runners.command import run_command
from orchestrator.gates.observing.runners.metric import run_metric
from orchestrator.gates.observing.runners.place import Place, Runner
from orchestrator.gates.observing.runners.tests import run_tests
from orchestrator.mission.model import Check, CommandCheck, MetricCheck, PytestCheck

__all__ = ["RUNNERS", "Place", "Runner"]

RUNNERS: dict[type[Check], Runner[Any]] = {
    PytestCheck: run_tests,
    CommandCheck: run_command,
    MetricCheck: run_metric,
}
