from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.errors import SettingsError
from edge_agent.home.simulation import built_in_home, read_home
from edge_agent.home.simulation.description import entity_id


def written(folder: Path, text: str) -> Path:
    path = folder / "home.toml"
    path.write_text(text)
    return path


def ids(path: Path) -> list[str]:
    return [entity_id(device, thing) for device in read_home(path).devices for thing in device.things()]


def test_names_are_made_as_home_assistant_makes_them(tmp_path: Path) -> None:
    sensor = 'name = "Bath sensor"\nmanner = "zigbee2mqtt"\nkind = "sensor"\ndevice_class = "carbon_dioxide"\n'
    also = 'also = [{ kind = "sensor", device_class = "humidity" }, { kind = "switch", name = "Lamp" }]'
    window = 'name = "Bath window"\nmanner = "zigbee2mqtt"\nkind = "binary_sensor"\ndevice_class = "window"\n'
    path = written(tmp_path, f"[[devices]]\n{sensor}{also}\n[[devices]]\n{window}")
    assert ids(path) == [
        "sensor.bath_sensor_carbon_dioxide",
        "sensor.bath_sensor_humidity",
        "switch.bath_sensor_lamp",
        "binary_sensor.bath_window",
    ]


def test_every_mistake_is_told_with_its_place(tmp_path: Path) -> None:
    path = written(tmp_path, '[[devices]]\nname = "A"\nkind = "light"\nmanner = "zigbee"\ncolour = true\n')
    with pytest.raises(SettingsError) as told:
        read_home(path)
    lines = str(told.value).splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"{path}: devices, no. 1, ") for line in lines)
    assert "manner" in lines[0]
    assert "colour" in lines[1]


def test_two_of_the_same_name_are_refused(tmp_path: Path) -> None:
    light = '[[devices]]\nname = "Lamp"\nkind = "light"\nmanner = "esphome"\n'
    with pytest.raises(SettingsError, match=r"two entities would be called light\.lamp"):
        read_home(written(tmp_path, light + light))


@pytest.mark.parametrize(("text", "said"), [("[[devices", "is not TOML"), ("", "devices: Field required")])
def test_a_file_that_is_no_home_is_refused(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=said):
        read_home(written(tmp_path, text))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.toml can't be read: No such file"):
        read_home(tmp_path / "nowhere.toml")


def test_an_area_of_the_built_in_home_is_as_a_configuration_has_it() -> None:
    assert built_in_home().home.areas["Hallway"].aliases == ("hall", "entrance")
