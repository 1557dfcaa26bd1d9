from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edge_agent.hardware import Sensors
from edge_agent.telemetry.sampling import LONGEST_STEP_S, SAMPLE_S, Sampler

BOARDS = Path(__file__).parents[1] / "hardware/boards"


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def sampler(folder: Path, clock: Clock) -> Sampler:
    return Sampler(Sensors(folder, Path("/")), clock)


def test_the_gpus_load_is_the_mean_since_the_last_message(tmp_path: Path, clock: Clock) -> None:
    root = Path(shutil.copytree(BOARDS / "orin-nano", tmp_path / "orin-nano"))
    looks = sampler(root, clock)
    for permille in (0, 990, 300):
        (root / "sys/class/devfreq/17000000.gpu/device/load").write_text(f"{permille}\n")
        looks.sample(is_generating=False)
    assert looks.gpu_percent() == 43.0
    assert looks.gpu_percent() is None


def test_the_energy_of_a_token_is_what_the_board_drew_while_the_model_was_at_work(clock: Clock) -> None:
    looks = sampler(BOARDS / "orin-nano", clock)  # draws 5.859 W
    looks.sample(is_generating=False)
    for _ in range(6):
        clock.now_s += SAMPLE_S
        looks.sample(is_generating=True)
    assert looks.joules_per_token(tokens=100) == pytest.approx(5.859 * 5 * SAMPLE_S / 100, abs=0.001)


def test_a_gap_in_the_samples_is_not_filled_up(clock: Clock) -> None:
    looks = sampler(BOARDS / "orin-nano", clock)
    looks.sample(is_generating=True)
    clock.now_s += LONGEST_STEP_S + 1
    looks.sample(is_generating=True)
    assert looks.joules_per_token(tokens=100) is None


@pytest.mark.parametrize("folder", ["pi-4", "pc"])
def test_a_board_that_measures_no_power_has_no_energy(clock: Clock, folder: str) -> None:
    looks = sampler(BOARDS / folder, clock)
    for _ in range(3):
        clock.now_s += SAMPLE_S
        looks.sample(is_generating=True)
    assert looks.joules_per_token(tokens=100) is None
    assert looks.gpu_percent() is None
