"""When a time of day is next."""

from __future__ import annotations

from datetime import datetime

import pytest

from edge_agent.commands.doing import next_time
from edge_agent.language import When


@pytest.mark.parametrize(
    ("when", "now", "then"),
    [
        (When(hour=7), "09:00", "24T19:00"),  # said in the morning, it is the evening's
        (When(hour=7), "20:00", "25T07:00"),
        (When(hour=7, minute=30), "06:00", "24T07:30"),
        (When(hour=19), "09:00", "24T19:00"),
        (When(hour=0), "09:00", "25T00:00"),  # midnight, not noon
        (When(hour=24), "09:00", "25T00:00"),
        (When(hour=12), "09:00", "24T12:00"),
        (When(hour=12), "13:00", "25T12:00"),
        (When(hour=7, tomorrow=True), "06:00", "25T07:00"),
    ],
)
def test_a_time_of_day_is_the_next_one_that_can_be_meant(when: When, now: str, then: str) -> None:
    assert next_time(when, datetime.fromisoformat(f"2026-11-24T{now}")) == datetime.fromisoformat(f"2026-11-{then}")
