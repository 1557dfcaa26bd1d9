"""Chinese sentences about a small home → Plans. Other sentences than these have to be understood as well."""

from __future__ import annotations

from typing import Any

import pytest

from edge_agent.language import Act, Ask, Clock, LetBe, Plan, Query, Refuse, TimerWish, Understanding
from edge_agent.language.plan import When
from tests.language import homes
from tests.language.homes import (
    CLIMATE,
    COLOUR_LIGHT,
    COVER,
    FAN,
    LIGHT,
    LIST,
    LOCK,
    PLAYER,
    SWITCH,
    VACUUM,
    device,
    understanding_of,
    wished,
)

HALF_LIT = {"brightness_pct": 50, "color_temp_kelvin": 3000}
OPEN, EIGHTEEN_DEGREES = {"position": 100}, {"temperature": 18, "current_temperature": 17.5}
DEVICES = (
    device("light.diao", "餐厅吊灯", "餐厅", COLOUR_LIGHT, state="on", attributes=HALF_LIT),
    device("light.chuang", "床头灯", "主卧", LIGHT, state="on", attributes=HALF_LIT),
    device("light.tai", "主卧台灯", "主卧", LIGHT),
    device("light.tong", "厨房筒灯", "厨房", LIGHT),
    device("light.aqara", "Aqara灯带", "儿童房", COLOUR_LIGHT),
    device("light.yangtai", "阳台灯", "阳台", LIGHT),
    device("switch.hu", "电热水壶", "厨房", SWITCH),
    device("fan.diao", "吊扇", "餐厅", FAN, attributes={"percentage": 20}),
    device("cover.zuo", "左窗帘", "主卧", COVER, device_class="curtain", state="open", attributes=OPEN),
    device("cover.you", "右窗帘", "主卧", COVER, device_class="curtain", state="open", attributes=OPEN),
    device("cover.bai", "百叶窗", "厨房", COVER, device_class="blind", state="open", attributes=OPEN),
    device("cover.peng", "遮阳棚", "阳台", COVER, device_class="awning", state="closed"),
    device("climate.zhu", "主卧空调", "主卧", CLIMATE, state="heat", attributes={"temperature": 24}),
    device("climate.er", "儿童房暖气", "儿童房", CLIMATE, state="heat", attributes=EIGHTEEN_DEGREES),
    device("lock.qian", "前门", "玄关", LOCK, state="locked"),
    device("lock.hou", "后门", "厨房", LOCK, state="unlocked"),
    device("media_player.tv", "电视", "餐厅", PLAYER, device_class="tv", state="playing",
           attributes={"volume_level": 30}),
    device("media_player.ai", "小爱音箱", "厨房", PLAYER, state="paused", attributes={"volume_level": 40}),
    device("vacuum.shitou", "石头", "玄关", VACUUM, state="docked", attributes={"battery_level": 70}),
    device("todo.gouwu", "购物清单", None, LIST, state="2", attributes={"items": ["盐", "鸡蛋"]}),
    device("todo.jiawu", "家务清单", None, LIST, state="1", attributes={"items": ["擦窗户"]}),
    device("scene.guanying", "观影模式", None, {"activate": {}}, state="unknown"),
    device("sensor.wai", "室外温度", None, {}, state="3.5", device_class="temperature"),
    device("binary_sensor.chuang", "厨房窗户", "厨房", {}, device_class="window"),
)  # fmt: skip
FLOORS = {"餐厅": "一楼", "厨房": "一楼", "玄关": "一楼", "阳台": "一楼", "主卧": "二楼", "儿童房": "二楼"}


@pytest.fixture(scope="module")
def understanding() -> Understanding:
    return understanding_of(DEVICES, FLOORS)


def said(understanding: Understanding, *turns: str, area: str | None = None) -> Plan | None:
    return homes.said(understanding, "zh", *turns, area=area)


@pytest.mark.parametrize(
    ("sentence", "entity", "action", "params"),
    [
        ("打开阳台灯", "light.yangtai", "turn_on", {}),
        ("把阳台的灯打开", "light.yangtai", "turn_on", {}),
        ("请关闭床头灯", "light.chuang", "turn_off", {}),
        ("帮我把厨房的灯关掉", "light.tong", "turn_off", {}),
        ("餐厅开灯", "light.diao", "turn_on", {}),
        ("关掉主卧台灯", "light.tai", "turn_off", {}),
        ("将餐厅吊灯关了吧", "light.diao", "turn_off", {}),
        ("能帮我开一下阳台的灯吗？", "light.yangtai", "turn_on", {}),
        ("可以把床头灯关了吗", "light.chuang", "turn_off", {}),
        ("打开Aqara灯带", "light.aqara", "turn_on", {}),
        ("幫我把廚房的燈關掉", "light.tong", "turn_off", {}),
        ("請將餐廳吊燈調亮一點", "light.diao", "turn_on", {"brightness_pct": 60}),
        ("把雞蛋麵加到購物清單", "todo.gouwu", "add_item", {"item": "雞蛋麵"}),
        ("我要开阳台灯", "light.yangtai", "turn_on", {}),
        ("把餐厅的灯调到百分之三十", "light.diao", "turn_on", {"brightness_pct": 30}),
        ("餐厅吊灯调成一半", "light.diao", "turn_on", {"brightness_pct": 50}),
        ("把床头灯亮度设为80%", "light.chuang", "turn_on", {"brightness_pct": 80}),
        ("餐厅吊灯最亮", "light.diao", "turn_on", {"brightness_pct": 100}),
        ("餐厅的灯亮一点", "light.diao", "turn_on", {"brightness_pct": 60}),
        ("把床头灯调暗一点", "light.chuang", "turn_on", {"brightness_pct": 40}),
        ("把床头灯调亮百分之二十", "light.chuang", "turn_on", {"brightness_pct": 70}),
        ("把床头灯调暗到百分之十", "light.chuang", "turn_on", {"brightness_pct": 10}),
        ("把餐厅吊灯变成蓝色", "light.diao", "turn_on", {"color": "#0000ff"}),
        ("Aqara灯带换成紫色", "light.aqara", "turn_on", {"color": "#ff00ff"}),
        ("餐厅的灯调成暖白", "light.diao", "turn_on", {"color_temp_kelvin": 2700}),
        ("餐厅吊灯色温调到4500K", "light.diao", "turn_on", {"color_temp_kelvin": 4500}),
        ("我要烧点水", "switch.hu", "turn_on", {}),
        ("打开电热水壶", "switch.hu", "turn_on", {}),
        ("把左窗帘拉上", "cover.zuo", "close", {}),
        ("拉开右边的窗帘", "cover.you", "open", {}),
        ("左边窗帘开到百分之四十", "cover.zuo", "set_position", {"position": 40}),
        ("厨房的百叶窗关一半", "cover.bai", "set_position", {"position": 50}),
        ("收起遮阳棚", "cover.peng", "close", {}),
        ("把阳台的遮阳棚展开", "cover.peng", "open", {}),
        ("主卧空调调到二十六度", "climate.zhu", "set_temperature", {"temperature": 26}),
        ("把儿童房的温度设为20.5度", "climate.er", "set_temperature", {"temperature": 20.5}),
        ("主卧空调调高两度", "climate.zhu", "set_temperature", {"temperature": 26}),
        ("儿童房暖气调到十九度半", "climate.er", "set_temperature", {"temperature": 19.5}),
        ("儿童房暖和一点", "climate.er", "set_temperature", {"temperature": 18.5}),
        ("关掉主卧空调", "climate.zhu", "set_hvac_mode", {"hvac_mode": "off"}),
        ("锁上后门", "lock.hou", "lock", {}),
        ("把后门锁上", "lock.hou", "lock", {}),
        ("打开前门", "lock.qian", "unlock", {}),
        ("给前门解锁", "lock.qian", "unlock", {}),
        ("电视声音大一点", "media_player.tv", "set_volume", {"volume_level": 35}),
        ("把电视音量调到二十", "media_player.tv", "set_volume", {"volume_level": 20}),
        ("电视静音", "media_player.tv", "mute", {}),
        ("暂停电视", "media_player.tv", "pause", {}),
        ("小爱音箱继续播放", "media_player.ai", "play", {}),
        ("小爱音箱下一首", "media_player.ai", "next", {}),
        ("吊扇开到百分之六十", "fan.diao", "set_percentage", {"percentage": 60}),
        ("让石头去扫地", "vacuum.shitou", "start", {}),
        ("扫地机器人回去充电", "vacuum.shitou", "return_to_base", {}),
        ("把牛奶加到购物清单", "todo.gouwu", "add_item", {"item": "牛奶"}),
        ("购物清单里加苹果", "todo.gouwu", "add_item", {"item": "苹果"}),
        ("把盐从购物清单里删掉", "todo.gouwu", "remove_item", {"item": "盐"}),
        ("家务清单里的擦窗户完成了", "todo.jiawu", "complete_item", {"item": "擦窗户"}),
        ("开启观影模式", "scene.guanying", "activate", {}),
    ],
)
def test_one_wish_for_one_device(
    understanding: Understanding, sentence: str, entity: str, action: str, params: dict[str, Any]
) -> None:
    assert wished(said(understanding, sentence)) == {entity: (action, params)}


ALL_LIGHTS = {"light.diao", "light.chuang", "light.tai", "light.tong", "light.aqara", "light.yangtai"}


@pytest.mark.parametrize(
    ("sentence", "action", "entities"),
    [
        ("关掉所有的灯", "turn_off", ALL_LIGHTS),
        ("把家里的灯全部关掉", "turn_off", ALL_LIGHTS),
        ("把灯都关了", "turn_off", ALL_LIGHTS),
        ("除了床头灯以外，把所有的灯都关掉", "turn_off", ALL_LIGHTS - {"light.chuang"}),
        ("除了阳台以外的灯都关掉", "turn_off", ALL_LIGHTS - {"light.yangtai"}),
        ("关掉除了厨房以外的所有灯", "turn_off", ALL_LIGHTS - {"light.tong"}),
        ("打开主卧的灯", "turn_on", {"light.chuang", "light.tai"}),
        ("二楼的灯全部打开", "turn_on", {"light.chuang", "light.tai", "light.aqara"}),
        ("把主卧的窗帘拉上", "close", {"cover.zuo", "cover.you"}),
        ("两个窗帘都打开", "open", {"cover.zuo", "cover.you"}),
        ("打开餐厅和厨房的灯", "turn_on", {"light.diao", "light.tong"}),
        ("关掉餐厅、阳台和厨房的灯", "turn_off", {"light.diao", "light.yangtai", "light.tong"}),
        ("把床头灯和电视关掉", "turn_off", {"light.chuang", "media_player.tv"}),
        ("把前门和后门都锁上", "lock", {"lock.qian", "lock.hou"}),
    ],
)
def test_the_same_for_several_devices(
    understanding: Understanding, sentence: str, action: str, entities: set[str]
) -> None:
    assert wished(said(understanding, sentence)) == dict.fromkeys(entities, (action, {}))


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("打开阳台灯，关掉电视", {"light.yangtai": ("turn_on", {}), "media_player.tv": ("turn_off", {})}),
        (
            "把床头灯关掉，然后把主卧空调调到二十五度",
            {"light.chuang": ("turn_off", {}), "climate.zhu": ("set_temperature", {"temperature": 25})},
        ),
        ("打开餐厅吊灯并且调成红色", {"light.diao": ("turn_on", {"color": "#ff0000"})}),
    ],
)
def test_several_wishes(understanding: Understanding, sentence: str, expected: dict[str, Any]) -> None:
    assert wished(said(understanding, sentence)) == expected


@pytest.mark.parametrize(
    ("sentence", "when"),
    [
        ("五分钟后关掉床头灯", When(delay_s=300)),
        ("半小时后打开电热水壶", When(delay_s=1800)),
        ("两个小时以后关掉电视", When(delay_s=7200)),
        ("早上七点半打开阳台灯", When(hour=7, minute=30)),
        ("晚上九点关掉餐厅的灯", When(hour=21)),
        ("明天早上六点四十五分拉开左窗帘", When(hour=6, minute=45, tomorrow=True)),
        ("十一点把电视关了", When(hour=11)),
        ("下午3点15分打开百叶窗", When(hour=15, minute=15)),
    ],
)
def test_later(understanding: Understanding, sentence: str, when: When) -> None:
    plan = said(understanding, sentence)
    assert isinstance(plan, Act)
    assert plan.when == when


@pytest.mark.parametrize(
    ("sentence", "entity", "for_s"), [("打开吊扇半小时", "fan.diao", 1800), ("把床头灯打开十分钟", "light.chuang", 600)]
)
def test_for_a_while(understanding: Understanding, sentence: str, entity: str, for_s: float) -> None:
    plan = said(understanding, sentence)
    assert wished(plan) == {entity: ("turn_on", {})}
    assert isinstance(plan, Act)
    assert plan.for_s == for_s


@pytest.mark.parametrize(
    ("sentence", "timer"),
    [
        ("设一个八分钟的定时器", TimerWish("set", 480)),
        ("倒计时一小时二十分钟", TimerWish("set", 4800)),
        ("计时器还剩多久？", TimerWish("ask")),
        ("取消定时器", TimerWish("cancel")),
        ("给披萨计时器再加五分钟", TimerWish("add", 300, "披萨")),
    ],
)
def test_a_timer(understanding: Understanding, sentence: str, timer: TimerWish) -> None:
    assert said(understanding, sentence) == timer


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        (("打开床头灯", "把它关掉"), {"light.chuang": ("turn_off", {})}),
        (("关掉床头灯", "台灯也关掉"), {"light.tai": ("turn_off", {})}),
        (("把窗帘拉上", "左边的"), {"cover.zuo": ("close", {})}),
        (("主卧空调调到二十六度", "不对，二十五度"), {"climate.zhu": ("set_temperature", {"temperature": 25})}),
    ],
)
def test_a_conversation(understanding: Understanding, turns: tuple[str, ...], expected: dict[str, Any]) -> None:
    assert wished(said(understanding, *turns)) == expected


@pytest.mark.parametrize(
    ("sentence", "area", "expected"),
    [
        ("开灯", "餐厅", {"light.diao": ("turn_on", {})}),
        ("这里太暗了", "儿童房", {"light.aqara": ("turn_on", {})}),
        ("好冷啊", "儿童房", {"climate.er": ("set_temperature", {"temperature": 19})}),
        ("电视太吵了", None, {"media_player.tv": ("set_volume", {"volume_level": 20})}),
    ],
)
def test_how_it_is_tells_what_helps(
    understanding: Understanding, sentence: str, area: str | None, expected: dict[str, Any]
) -> None:
    assert wished(said(understanding, sentence, area=area)) == expected


@pytest.mark.parametrize(
    ("sentence", "query"),
    [
        ("前门锁了吗？", Query("is", ("lock.qian",), state="locked")),
        ("后门锁好了没有", Query("is", ("lock.hou",), state="locked")),
        ("厨房窗户开着吗？", Query("is", ("binary_sensor.chuang",), state="open")),
        ("阳台的灯还开着吗", Query("is", ("light.yangtai",), state="on")),
        ("床头灯关了吗？", Query("is", ("light.chuang",), state="off")),
        ("你把床头灯关了吗", Query("is", ("light.chuang",), state="off")),
        ("帮我看看百叶窗关了没有", Query("is", ("cover.bai",), state="closed")),
        ("能告诉我电视是不是开着", Query("is", ("media_player.tv",), state="on")),
        ("外面几度？", Query("value", ("sensor.wai",))),
        ("儿童房有多冷", Query("value", ("climate.er",), attribute="current_temperature")),
        ("石头还有多少电", Query("value", ("vacuum.shitou",), attribute="battery_level")),
        ("购物清单里有什么？", Query("items", ("todo.gouwu",))),
        ("购物清单里有盐吗？", Query("contains", ("todo.gouwu",), item="盐")),
    ],
)
def test_a_question(understanding: Understanding, sentence: str, query: Query) -> None:
    assert said(understanding, sentence) == query


@pytest.mark.parametrize(
    ("sentence", "type_"), [("哪些灯开着？", "which"), ("有几盏灯还亮着", "count"), ("有没有灯开着", "which")]
)
def test_a_question_about_several(understanding: Understanding, sentence: str, type_: str) -> None:
    plan = said(understanding, sentence)
    assert isinstance(plan, Query)
    assert (plan.type, plan.state, set(plan.entity_ids)) == (type_, "on", ALL_LIGHTS)


@pytest.mark.parametrize(
    ("sentence", "kind"),
    [
        ("现在几点了？", Clock),
        ("今天星期几", Clock),
        ("别关床头灯", LetBe),
        ("不要打开电视", LetBe),
        ("算了", LetBe),
        ("谢谢", LetBe),
        ("打开厨房窗户", Refuse),
        ("把床头灯变成蓝色", Refuse),
        ("打开书房的灯", Refuse),
        ("关掉洗衣机", Refuse),
        ("把窗帘拉上", Ask),
        ("温度调到二十六度", Ask),
        ("天黑的时候打开阳台灯", Refuse),
        ("每天早上七点打开百叶窗", Refuse),
        ("葡萄牙的首都是哪里？", type(None)),
        ("写一首关于床头灯的诗", type(None)),
        ("床头灯真漂亮", type(None)),
        ("我妈说我总是忘记关灯", type(None)),
        ("讲一个关于灯的故事", type(None)),
        ("开心一点", type(None)),
    ],
)
def test_what_is_no_wish_for_a_device(understanding: Understanding, sentence: str, kind: type) -> None:
    assert isinstance(said(understanding, sentence), kind)


@pytest.mark.parametrize(
    "sentence",
    [
        "他把后门关上就走了",
        "谁打开了床头灯",
        "我要不要关床头灯",
        "床头灯为什么亮着",
        "昨天我打开了床头灯",
        "别碰前门",
        "电视上在放什么",
        "打开台灯笼",
        "给妈妈打电话",
        "关你什么事",
    ],
)
def test_nothing_is_done(understanding: Understanding, sentence: str) -> None:
    assert not isinstance(said(understanding, sentence), Act)
