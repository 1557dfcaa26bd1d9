from __future__ import annotations

from edge_agent.toml_lines import lines_of_names


def test_tables_keys_and_dotted_names_have_their_first_line() -> None:
    text = "\n".join(
        [
            "mqtt.port = 1",
            "[home]",
            "  confirm = [",
            "    'lock.open',",
            "  ]",
            '[home.devices."light.kitchen"] # the lamp',
            "aliases = ['x = 3']",
        ]
    )
    assert lines_of_names(text) == {
        ("mqtt",): 1,
        ("mqtt", "port"): 1,
        ("home",): 2,
        ("home", "confirm"): 3,
        ("home", "devices"): 6,
        ("home", "devices", "light.kitchen"): 6,
        ("home", "devices", "light.kitchen", "aliases"): 7,
    }


def test_what_stands_in_a_long_string_is_no_name() -> None:
    assert lines_of_names("a = '''\n[b]\nc = 1\n'''\nd = 2") == {("a",): 1, ("d",): 5}
