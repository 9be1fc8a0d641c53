"""What the tests of keys at the providers share: a wire with faults, a clock, and the team that keys are made for."""

from datetime import datetime

import pytest

from dashboard.organizations.models import Organization, Team
from tests.keys.managed import Clock, FaultyWire
from tests.providers.simulated import SimulatedWire


@pytest.fixture
def wire(simulator: SimulatedWire, monkeypatch: pytest.MonkeyPatch) -> FaultyWire:
    faulty = FaultyWire(simulator)
    monkeypatch.setattr("providers.transport._wire", lambda reach, via: faulty)
    return faulty


@pytest.fixture
def clock(simulator: SimulatedWire, now: datetime) -> Clock:
    return Clock(simulator, now)


@pytest.fixture
def team(organization: Organization) -> Team:
    return Team.objects.create(organization=organization, name="Blue")
