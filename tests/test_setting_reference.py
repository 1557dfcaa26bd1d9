from __future__ import annotations

import re
import tomllib
from pathlib import Path

from edge_agent.setting_reference import references, sample_toml
from edge_agent.settings import Settings

SAMPLE = Path(__file__).parent.parent / "configs" / "edge-agent.toml"


def test_the_example_in_configs_is_what_the_settings_say() -> None:
    assert SAMPLE.read_text() == sample_toml(), "run: edge-agent config sample > configs/edge-agent.toml"


def test_the_example_uncommented_is_the_defaults() -> None:
    switched_on = re.sub(r"^#(\w+ = [^ ].*)$", r"\1", sample_toml(), flags=re.MULTILINE)
    tables = tomllib.loads(switched_on)
    assert Settings.model_validate(tables).model_dump() == Settings().model_dump()
    assert tables["mqtt"]["port"] == 1883


def test_every_setting_has_a_meaning_a_kind_and_an_environment_name() -> None:
    settings = references()
    assert settings["mqtt.port"].variable == "EDGE_AGENT_MQTT__PORT"
    assert settings["mqtt.port"].kind == "a whole number from 1 to 65535"
    assert settings["inference.kv_type"].kind == "one of f16, q8_0"
    assert settings["home.areas"].kind == "a table of names, each a table with floor, aliases"
    for setting in settings.values():
        assert setting.meaning.endswith("."), setting.full_name
        assert not setting.kind.startswith("a value"), setting.full_name


def test_absent_settings_and_those_of_the_machine_have_no_made_up_default() -> None:
    settings = references()
    assert settings["mqtt.username"].default == "absent"
    assert settings["agent.id"].default == "depends on the machine"
    assert settings["mqtt.host"].default == '"127.0.0.1"'
