"""The stage on which eight cases are in flight together."""

from __future__ import annotations

import pytest

from tests.stage import SetStage, Stage, someone

NAMES = [f"person.{number:02d}" for number in range(16)]
PATIENCE = 60.0


@pytest.fixture
def eight(set_stage: SetStage) -> Stage:
    """Sixteen are due, and the first six are gone already: from here on eight are in flight together."""
    stage: Stage = set_stage(*map(someone, NAMES), others=30, launched=NAMES)
    assert stage.revoke(limit=6) == {"revoked": 6}
    return stage
