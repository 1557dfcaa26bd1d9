"""Actions through mosquitto, on devices that follow, follow late, do the wrong thing, or say nothing."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import pytest

from edge_agent.broker import Broker
from edge_agent.errors import NotAllowed
from edge_agent.home.acting import Acting, Trouble
from edge_agent.home.entity import ActionResult, DeviceAction, Entity, EntityAction, Params, Publication
from edge_agent.home.policy import Refusal
from edge_agent.settings import HomeSettings, MqttSettings
from tests.home.small_home import Devices, SmallHome, follows, says
from tests.real_parts import Mosquitto, wait_until

SHORT_S = 0.4  # confirm_s where a test wants it to run out


@pytest.fixture
async def broker(mosquitto: Mosquitto) -> AsyncIterator[Broker]:
    async with session(mosquitto.port) as broker:
        await connected(broker)
        yield broker


@pytest.fixture
def home(broker: Broker) -> SmallHome:
    return SmallHome(broker)


@pytest.fixture
def devices(mosquitto: Mosquitto, home: SmallHome) -> Iterator[Devices]:
    devices = Devices(mosquitto.port, home.root)
    yield devices
    devices.close()


def session(port: int) -> Broker:
    settings = MqttSettings(port=port, reconnect_max_s=1)
    return Broker(settings, f"test-{time.monotonic_ns()}", f"test/{time.monotonic_ns()}/availability")


async def connected(broker: Broker) -> None:
    async with asyncio.timeout(30):
        await anext(broker.connects())


def acting(home: SmallHome, broker: Broker, confirm_s: float = 20, **settings: Any) -> Acting:
    return Acting(home, broker, HomeSettings(confirm_s=confirm_s, **settings))


async def one(acting: Acting, entity_id: str, action: str, *, confirmed: bool = False, **params: Any) -> ActionResult:
    (result,) = await acting.carry_out([DeviceAction(entity_id, action, params)], confirmed=confirmed)
    return result


async def synced(broker: Broker) -> None:
    """The broker has all subscriptions."""
    await broker.publish("test/sync", b"", qos=1)


def results(found: Sequence[ActionResult]) -> list[str]:
    return [result.result for result in found]


async def test_a_device_that_follows_is_confirmed(home: SmallHome, broker: Broker, devices: Devices) -> None:
    home.add("light.lamp", "off")
    await synced(broker)
    devices.script("light.lamp", follows)
    result = await one(acting(home, broker), "light.lamp", "turn_on", brightness_pct=40)
    assert result == ActionResult(DeviceAction("light.lamp", "turn_on", {"brightness_pct": 40}), "confirmed")
    lamp = home.find("light.lamp")
    assert lamp is not None
    assert (lamp.state, lamp.attributes) == ("on", {"brightness_pct": 40})


async def test_a_late_answer_within_the_time_is_confirmed(home: SmallHome, broker: Broker, devices: Devices) -> None:
    home.add("switch.fan", "off")
    await synced(broker)
    devices.script("switch.fan", follows, delay_s=0.3)
    assert (await one(acting(home, broker), "switch.fan", "turn_on")).result == "confirmed"


async def test_a_report_of_the_old_state_first_is_no_answer_yet(
    home: SmallHome, broker: Broker, devices: Devices
) -> None:
    home.add("switch.fan", "off")
    await synced(broker)
    devices.script("switch.fan", says("off", "on"))
    assert (await one(acting(home, broker), "switch.fan", "turn_on")).result == "confirmed"


async def test_an_answer_after_the_time_is_unconfirmed(home: SmallHome, broker: Broker, devices: Devices) -> None:
    home.add("switch.fan", "off")
    await synced(broker)
    devices.script("switch.fan", follows, delay_s=SHORT_S * 10)
    result = await one(acting(home, broker, SHORT_S), "switch.fan", "turn_on")
    assert (result.result, result.code, result.reason) == ("unconfirmed", Trouble.NO_ANSWER, "Fan did not answer.")


async def test_a_device_that_does_the_wrong_thing_is_unconfirmed(
    home: SmallHome, broker: Broker, devices: Devices
) -> None:
    home.add("climate.hall", "heat")
    await synced(broker)
    devices.script("climate.hall", lambda _: [{"state": "heat", "temperature": 18.0}])
    result = await one(acting(home, broker, SHORT_S), "climate.hall", "set_temperature", temperature=21)
    assert (result.result, result.code) == ("unconfirmed", Trouble.OTHER_STATE)


async def test_a_device_that_says_nothing_is_unconfirmed(home: SmallHome, broker: Broker, devices: Devices) -> None:
    home.add("switch.fan", "off")
    result = await one(acting(home, broker, SHORT_S), "switch.fan", "turn_on")
    assert (result.result, result.code) == ("unconfirmed", Trouble.NO_ANSWER)
    assert devices.told == [("switch.fan", {"action": "turn_on"})]


async def test_what_is_so_already_publishes_nothing(home: SmallHome, broker: Broker, devices: Devices) -> None:
    home.add("switch.fan", "on")
    home.add("light.lamp", "on", attributes={"brightness_pct": 20})
    await synced(broker)
    devices.script("light.lamp", follows)
    wishes = [DeviceAction("switch.fan", "turn_on"), DeviceAction("light.lamp", "turn_on", {"brightness_pct": 80})]
    assert results(await acting(home, broker).carry_out(wishes)) == ["already", "confirmed"]
    assert [entity_id for entity_id, _ in devices.told] == ["light.lamp"]


async def test_what_no_state_shows_is_sent_at_once(home: SmallHome, broker: Broker) -> None:
    home.add("button.bell")
    home.add("switch.old", assumed=True)
    home.add("media_player.tv", "playing", qos=1)
    wishes = [DeviceAction("button.bell", "press"), DeviceAction("switch.old", "turn_on"),
              DeviceAction("media_player.tv", "next")]  # fmt: skip
    async with asyncio.timeout(10):
        assert results(await acting(home, broker, 60).carry_out(wishes)) == ["sent"] * 3


async def test_a_cover_that_starts_closing_has_followed(home: SmallHome, broker: Broker, devices: Devices) -> None:
    home.add("cover.blind", "open")
    await synced(broker)
    devices.script("cover.blind", says("closing"))
    async with asyncio.timeout(10):
        assert (await one(acting(home, broker, 60), "cover.blind", "close")).result == "confirmed"


async def test_a_cover_that_turns_back_has_not_followed(home: SmallHome, broker: Broker, devices: Devices) -> None:
    home.add("cover.blind", "open")
    await synced(broker)
    devices.script("cover.blind", says("closing", "open"))
    result = await one(acting(home, broker, 1), "cover.blind", "close")
    assert (result.result, result.values["state"]) == ("unconfirmed", "open")


async def test_a_lock_is_confirmed_only_once_it_is_locked(home: SmallHome, broker: Broker, devices: Devices) -> None:
    home.add("lock.front", "unlocked")
    await synced(broker)
    devices.script("lock.front", says("locking"))
    result = await one(acting(home, broker, SHORT_S * 2), "lock.front", "lock")
    assert (result.result, result.reason) == ("unconfirmed", "Front is still locking.")
    devices.script("lock.front", says("locking", "locked"))
    assert (await one(acting(home, broker), "lock.front", "lock")).result == "confirmed"


async def test_a_jammed_lock_has_failed_and_is_not_waited_for(
    home: SmallHome, broker: Broker, devices: Devices
) -> None:
    home.add("lock.front", "unlocked")
    await synced(broker)
    devices.script("lock.front", says("locking", "jammed"))
    async with asyncio.timeout(10):
        result = await one(acting(home, broker, 60), "lock.front", "lock")
    assert (result.result, result.reason) == ("failed", "Front says that it is jammed.")


async def test_a_device_that_vanishes_in_between_has_failed(home: SmallHome, broker: Broker, devices: Devices) -> None:
    home.add("switch.fan", "off")
    await synced(broker)

    async def vanish() -> None:
        home.remove("switch.fan")

    wishes = [DeviceAction("switch.fan", "turn_on")]
    (result,) = await acting(home, broker).carry_out(wishes, before_publishing=vanish)
    assert (result.result, result.code) == ("failed", Trouble.VANISHED)
    assert devices.told == []
    home.add("switch.fan", "off")
    carrying_out = asyncio.create_task(one(acting(home, broker, SHORT_S), "switch.fan", "turn_on"))
    await asyncio.sleep(0)
    home.remove("switch.fan")
    assert (await carrying_out).code == Trouble.VANISHED


async def test_one_devices_trouble_stops_no_other(home: SmallHome, broker: Broker, devices: Devices) -> None:
    def broken(_: Entity, params: Params) -> list[Publication]:
        raise ValueError("'x' is undefined")

    def unwritable(_: Entity, params: Params) -> list[Publication]:
        return [Publication("a/b", "\ud800")]

    def wildcard(_: Entity, params: Params) -> list[Publication]:
        return [Publication("a/#", "ON")]

    for name, publications in (("broken", broken), ("unwritable", unwritable), ("wildcard", wildcard)):
        home.add(f"switch.{name}", "off", actions={"turn_on": EntityAction("turn_on", {}, publications)})
    home.add("switch.away", "off", available=False)
    home.add("switch.fine", "off")
    await synced(broker)
    devices.script("switch.fine", follows)
    names = ("broken", "unwritable", "wildcard", "away", "nowhere", "fine")
    found = await acting(home, broker).carry_out([DeviceAction(f"switch.{name}", "turn_on") for name in names])
    assert results(found) == ["failed"] * 5 + ["confirmed"]
    codes = [Trouble.BAD_TEMPLATE] * 3 + [Refusal.UNAVAILABLE, Refusal.UNKNOWN_DEVICE, None]
    assert [result.code for result in found] == codes
    assert found[0].reason == "The description of Broken can't be used: 'x' is undefined. Correct its command template."


async def test_dangerous_actions_wait_for_a_yes(home: SmallHome, broker: Broker, devices: Devices) -> None:
    home.add("lock.front", "locked")
    home.add("light.hall", "off")
    await synced(broker)
    devices.script("lock.front", says("unlocked"))
    devices.script("light.hall", follows)
    wishes = [DeviceAction("light.hall", "turn_on"), DeviceAction("lock.front", "unlock")]
    assert results(await acting(home, broker).carry_out(wishes)) == ["confirmed", "needs_confirmation"]
    assert results(await acting(home, broker).carry_out(wishes, confirmed=True)) == ["already", "confirmed"]
    assert results(await acting(home, broker).carry_out(wishes)) == ["already", "already"]


async def test_a_request_that_is_forbidden_as_a_whole_does_nothing(
    home: SmallHome, broker: Broker, devices: Devices
) -> None:
    home.add("light.hall", "off")
    for name in ("lock.front", "lock.back"):
        home.add(name, "locked")
        devices.script(name, says("unlocked"))
    await synced(broker)
    wishes = [DeviceAction("light.hall", "turn_on"), DeviceAction("lock.front", "unlock"),
              DeviceAction("lock.back", "unlock")]  # fmt: skip
    with pytest.raises(NotAllowed):
        await acting(home, broker).carry_out(wishes, confirmed=True)
    assert results(await acting(home, broker, confirm=()).carry_out(wishes[1:])) == ["confirmed", "confirmed"]
    assert sorted(entity_id for entity_id, _ in devices.told) == ["lock.back", "lock.front"]


async def test_wishes_for_one_device_come_one_after_the_other(
    home: SmallHome, broker: Broker, devices: Devices
) -> None:
    home.add("switch.fan", "off")
    await synced(broker)
    devices.script("switch.fan", follows)
    wishes = [DeviceAction("switch.fan", action) for action in ("turn_on", "turn_off", "turn_off")]
    assert results(await acting(home, broker).carry_out(wishes)) == ["confirmed", "confirmed", "already"]
    assert [wanted["action"] for _, wanted in devices.told] == ["turn_on", "turn_off"]


async def test_devices_are_told_together(home: SmallHome, broker: Broker, devices: Devices) -> None:
    """One that never answers holds up no other."""
    names = [f"switch.n{number}" for number in range(20)]
    for name in names:
        home.add(name, "off", qos=1)
        devices.script(name, follows)
    home.add("switch.silent", "off")
    await synced(broker)
    wishes = [DeviceAction(name, "turn_on") for name in ("switch.silent", *names)]
    found = await acting(home, broker, 2).carry_out(wishes)
    assert results(found) == ["unconfirmed"] + ["confirmed"] * 20
    assert [entity_id for entity_id, _ in devices.told][1:] == names


async def test_it_is_noted_before_anything_is_published_and_only_then(
    home: SmallHome, broker: Broker, devices: Devices
) -> None:
    home.add("switch.fan", "off")
    await synced(broker)
    devices.script("switch.fan", follows)
    noted: list[int] = []

    async def note() -> None:
        await synced(broker)  # whatever had been published by now would have arrived
        noted.append(len(devices.told))

    wishes = [DeviceAction("switch.fan", "turn_on"), DeviceAction("switch.fan", "turn_off")]
    await acting(home, broker).carry_out(wishes, before_publishing=note)
    assert noted == [0]
    await acting(home, broker).carry_out(wishes[1:], before_publishing=note)
    assert noted == [0]


async def test_nothing_is_published_where_the_note_can_not_be_made(
    home: SmallHome, broker: Broker, devices: Devices
) -> None:
    async def full() -> None:
        raise OSError("no space left")

    home.add("switch.fan", "off")
    with pytest.raises(OSError, match="no space"):
        await acting(home, broker).carry_out([DeviceAction("switch.fan", "turn_on")], before_publishing=full)
    await synced(broker)
    assert devices.told == []


async def test_without_a_broker_it_fails_at_once(own_mosquitto: Mosquitto) -> None:
    async with session(own_mosquitto.port) as broker:
        await connected(broker)
        home = SmallHome(broker)
        home.add("switch.fan", "off", qos=1)
        home.add("button.bell")

        async def lose_it() -> None:
            await asyncio.to_thread(own_mosquitto.stop)
            await asyncio.to_thread(wait_until, lambda: not broker.connected, "the broker is gone")

        wishes = [DeviceAction("switch.fan", "turn_on"), DeviceAction("button.bell", "press")]
        async with asyncio.timeout(30):
            in_between = await acting(home, broker, 60).carry_out(wishes, before_publishing=lose_it)
            later = await acting(home, broker, 60).carry_out(wishes)
        for found in (in_between, later):
            assert [(result.result, result.code) for result in found] == [("failed", Trouble.NO_BROKER)] * 2


async def test_what_the_broker_did_not_take_in_time_is_not_published_later(own_mosquitto: Mosquitto) -> None:
    async with session(own_mosquitto.port) as broker:
        await connected(broker)
        home = SmallHome(broker)
        home.add("switch.fan", "off", qos=1)
        await synced(broker)
        own_mosquitto.pause()
        result = await one(acting(home, broker, SHORT_S), "switch.fan", "turn_on")
        assert result.result == "unconfirmed"
        await asyncio.to_thread(own_mosquitto.stop, signal.SIGKILL)
        await asyncio.to_thread(own_mosquitto.start)
        devices = Devices(own_mosquitto.port, home.root)
        async with asyncio.timeout(30):
            await synced(broker)
            await synced(broker)  # what was sent again would have gone out with the first
        devices.close()
        assert devices.told == []


async def test_what_is_to_be_retained_is(home: SmallHome, broker: Broker, mosquitto: Mosquitto) -> None:
    topic = f"{home.root}/kept"

    def kept(_: Entity, params: Params) -> list[Publication]:
        return [Publication(topic, "ON", qos=0, retain=True)]

    home.add("switch.kept", assumed=True, actions={"turn_on": EntityAction("turn_on", {}, kept)})
    assert (await one(acting(home, broker), "switch.kept", "turn_on")).result == "sent"
    heard: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    broker.subscribe(topic, lambda delivery: heard.set_result(delivery.retained))
    async with asyncio.timeout(30):
        assert await heard


async def test_a_known_wish_is_published_within_a_few_milliseconds(home: SmallHome, broker: Broker) -> None:
    """Most of it is the loop's and the machine's: what is measured is up to the call of `send`."""
    for number in range(100):
        home.add(f"switch.n{number}", "off")
    sent_s: list[float] = []
    send = broker.send

    def timed(topic: str, payload: bytes) -> None:
        sent_s.append(time.perf_counter())
        send(topic, payload)

    broker.send = timed  # type: ignore[method-assign]
    wishes = [DeviceAction(f"switch.n{number}", "turn_on") for number in range(100)]
    started_s = time.perf_counter()
    await acting(home, broker, 0.1).carry_out(wishes)
    assert len(sent_s) == 100
    assert sent_s[0] - started_s < 0.02
