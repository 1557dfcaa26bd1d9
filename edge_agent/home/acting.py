"""Carries actions out: policy, publish, watch the state topics, say what became of each.

What is published goes out at once, for all devices of a request together; a second wish for the same device waits for
the first one's result. One device's trouble is its own result, never an exception.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from edge_agent.home.effects import Effect, expected, is_already, progress
from edge_agent.home.entity import ActionResult, DeviceAction, Entity, Params, Publication, Result
from edge_agent.home.policy import Allowed, NeedsYes, Refused, Verdict, check, forbid_several, needing_a_yes
from edge_agent.settings import HomeSettings

log = logging.getLogger(__name__)

# A blind that says `closing` has done as it was told; one that closes in an instant may say so.
UNDERWAY_S = 0.3


class Trouble(StrEnum):
    """Why a wish that policy allows did not come true; `ActionResult.values` has `name` and what stands here."""

    NO_BROKER = "no_broker"
    BAD_TEMPLATE = "bad_template"  # cause
    VANISHED = "vanished"
    SAYS_FAILED = "says_failed"  # state
    NO_ANSWER = "no_answer"
    OTHER_STATE = "other_state"  # state
    STILL_UNDERWAY = "still_underway"  # state
    NOT_SHOWN = "not_shown"


_SENTENCES: Mapping[Trouble, str] = {
    Trouble.NO_BROKER: "The MQTT broker can't be reached; {name} may not have been told.",
    Trouble.BAD_TEMPLATE: "The description of {name} can't be used: {cause}. Correct its command template.",
    Trouble.VANISHED: "{name} has gone from the home.",
    Trouble.SAYS_FAILED: "{name} says that it is {state}.",
    Trouble.NO_ANSWER: "{name} did not answer.",
    Trouble.OTHER_STATE: "{name} answered, but did not do it; it is {state}.",
    Trouble.STILL_UNDERWAY: "{name} is still {state}.",
    Trouble.NOT_SHOWN: "{name} does not tell all that was asked for.",
}


class Devices(Protocol):
    """The home, as far as acting needs it."""

    def find(self, entity_id: str) -> Entity | None: ...

    def watch(self, entity_ids: Collection[str], heard: Callable[[str], None]) -> AbstractContextManager[object]:
        """Calls `heard` with an entity's id after every message on one of its topics, also where nothing changed."""


class Outlet(Protocol):
    """The broker session, as far as acting needs it."""

    @property
    def connected(self) -> bool: ...

    def send(self, topic: str, payload: bytes) -> None: ...

    async def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> None: ...


class Acting:
    """Whatever wants something done to a device comes here."""

    def __init__(self, devices: Devices, outlet: Outlet, settings: HomeSettings) -> None:
        self._devices, self._outlet, self._settings = devices, outlet, settings

    def review(self, wishes: Sequence[DeviceAction], *, confirmed: bool = False) -> list[Verdict]:
        """What policy says to each, with nothing done: for what is to be done later.

        Raises NotAllowed where the request as a whole is forbidden.
        """
        forbid_several(needing_a_yes(wishes, self._devices.find, self._settings.confirm))
        return [self._check(wish, confirmed) for wish in wishes]

    async def carry_out(
        self,
        wishes: Sequence[DeviceAction],
        *,
        confirmed: bool = False,
        before_publishing: Callable[[], Awaitable[None]] | None = None,
    ) -> list[ActionResult]:
        """What became of each wish, in their order.

        `before_publishing` is awaited once, and only if something is going to be published; nothing is where it
        raises. Raises NotAllowed, before anything is done, where the request as a whole is forbidden.
        """
        verdicts = self.review(wishes, confirmed=confirmed)
        attempts = [_Attempt(wish, verdict) for wish, verdict in zip(wishes, verdicts, strict=True)]
        note = before_publishing
        for turn in _turns(attempts):
            for attempt in turn:
                self._prepare(attempt)
            due = [attempt for attempt in turn if attempt.messages]
            if due and note is not None:
                await note()
                note = None
            if due:
                await self._publish_and_watch(due)
        return [attempt.result() for attempt in attempts]

    def _check(self, wish: DeviceAction, confirmed: bool) -> Verdict:
        entity = self._devices.find(wish.entity_id)
        return check(entity, wish, confirmed=confirmed, confirm_list=self._settings.confirm)

    def _prepare(self, attempt: _Attempt) -> None:
        """Its publications, or its result where there is nothing to publish."""
        verdict, entity = attempt.verdict, self._devices.find(attempt.wish.entity_id)
        if isinstance(verdict, Refused):
            attempt.end("failed", verdict.code, verdict.message, verdict.values)
            return
        if entity is None:
            attempt.fail(Trouble.VANISHED)
            return
        attempt.name = entity.name
        attempt.effect = expected(entity, attempt.wish.action, verdict.params)
        if attempt.effect is not None and is_already(entity, attempt.effect):
            attempt.end("already")
        elif isinstance(verdict, NeedsYes):
            attempt.end("needs_confirmation")
        elif not self._outlet.connected:
            attempt.fail(Trouble.NO_BROKER)
        else:
            self._render(attempt, entity, verdict.params)

    def _render(self, attempt: _Attempt, entity: Entity, params: Params) -> None:
        try:
            publications = entity.actions[attempt.wish.action].publications(entity, params)
            attempt.messages = tuple(_Message.of(publication) for publication in publications)
        except Exception as error:  # a stranger's template; ValueError by agreement, but it must not stop the others
            log.warning("a command template failed", extra={"device": entity.id, "cause": str(error)[:200]})
            attempt.fail(Trouble.BAD_TEMPLATE, cause=str(error)[:200])
            return
        if not attempt.messages:
            attempt.fail(Trouble.BAD_TEMPLATE, cause="it gives nothing to publish")

    async def _publish_and_watch(self, attempts: Sequence[_Attempt]) -> None:
        followed = {attempt.wish.entity_id: attempt for attempt in attempts if attempt.effect is not None}

        def heard(entity_id: str) -> None:
            followed[entity_id].heard(self._devices.find(entity_id))

        publishing: list[asyncio.Task[None]] = []
        with self._devices.watch(followed.keys(), heard):
            try:
                publishing = [task for attempt in attempts if (task := self._publish(attempt)) is not None]
                await asyncio.wait([attempt.ended for attempt in attempts], timeout=self._settings.confirm_s)
            finally:
                for task in publishing:
                    task.cancel()  # else it would be published when the broker comes back, whenever that is
        for attempt in attempts:
            attempt.give_up(self._devices.find(attempt.wish.entity_id), connected=self._outlet.connected)

    def _publish(self, attempt: _Attempt) -> asyncio.Task[None] | None:
        """QoS 0 goes out within this call. The rest, and what follows it, in a task."""
        if self._devices.find(attempt.wish.entity_id) is None or not self._outlet.connected:
            attempt.fail(Trouble.NO_BROKER if not self._outlet.connected else Trouble.VANISHED)
            return None
        messages = list(attempt.messages)
        try:
            while messages and messages[0].qos == 0:
                first = messages.pop(0)
                self._outlet.send(first.topic, first.payload)
        except ValueError as error:  # paho's word for a topic that is none
            attempt.fail(Trouble.BAD_TEMPLATE, cause=str(error))
            return None
        if messages:
            return asyncio.create_task(self._publish_surely(attempt, messages))
        attempt.was_published()
        return None

    async def _publish_surely(self, attempt: _Attempt, messages: Sequence[_Message]) -> None:
        """One does not wait until the broker has the one before: they go out together, in their order."""
        try:
            await asyncio.gather(
                *(self._outlet.publish(one.topic, one.payload, qos=one.qos, retain=one.retain) for one in messages)
            )
        except ValueError as error:
            attempt.fail(Trouble.BAD_TEMPLATE, cause=str(error))
        else:
            attempt.was_published()


@dataclass(frozen=True)
class _Message:
    """A Publication in bytes. Raises ValueError where it can't be written as UTF-8."""

    topic: str
    payload: bytes
    qos: int
    retain: bool

    @classmethod
    def of(cls, publication: Publication) -> _Message:
        # The session sends QoS 0 unretained: what is to be kept goes out surely.
        qos = max(publication.qos, 1) if publication.retain else publication.qos
        return cls(publication.topic, publication.payload.encode(), qos, publication.retain)


@dataclass(eq=False)
class _Attempt:
    """One wish, from its verdict to its result."""

    wish: DeviceAction
    verdict: Verdict
    name: str = ""
    effect: Effect | None = None
    messages: tuple[_Message, ...] = ()
    ended: asyncio.Future[ActionResult] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    _published: bool = False
    _heard: bool = False
    _settling: asyncio.TimerHandle | None = None

    def result(self) -> ActionResult:
        return self.ended.result()

    def end(self, result: Result, code: str | None = None, reason: str | None = None, values: Any = None) -> None:
        if self._settling is not None:
            self._settling.cancel()
        if not self.ended.done():
            self.ended.set_result(ActionResult(self._as_done(), result, reason, code, values or {}))

    def fail(self, trouble: Trouble, result: Result = "failed", **values: Any) -> None:
        values = {"name": self.name or self.wish.entity_id, **values}
        self.end(result, trouble, _SENTENCES[trouble].format(**values), values)

    def was_published(self) -> None:
        """For what no state shows, the broker's word is the last."""
        self._published = True
        if self.effect is None:
            self.end("sent")

    def heard(self, entity: Entity | None) -> None:
        """The device has said something since."""
        if entity is None or self.effect is None:
            return
        self._heard = True
        how_far = progress(entity, self.effect)
        if self._settling is not None and how_far != "underway":
            self._settling.cancel()
            self._settling = None
        if how_far == "done":
            self.end("confirmed")
        elif how_far == "not_shown" and self.effect.partial:
            self.fail(Trouble.NOT_SHOWN, "sent")
        elif how_far == "failed":
            self.fail(Trouble.SAYS_FAILED, state=entity.state)
        elif how_far == "underway" and not self.effect.patient and self._settling is None:
            self._settling = asyncio.get_running_loop().call_later(UNDERWAY_S, self._settled)

    def give_up(self, entity: Entity | None, *, connected: bool) -> None:
        """Its time is over."""
        if self.ended.done():
            return
        if entity is None:
            self.fail(Trouble.VANISHED)
        elif not (self._published or self._heard or connected):
            self.fail(Trouble.NO_BROKER)
        elif self.effect is None:
            self.fail(Trouble.NO_ANSWER, "unconfirmed")  # the broker did not say that it has it
        else:
            self._say_how_far(entity, self.effect)

    def _say_how_far(self, entity: Entity, effect: Effect) -> None:
        how_far = progress(entity, effect)
        if how_far == "not_shown":
            self.fail(Trouble.NOT_SHOWN, "sent")
        elif not self._heard:
            self.fail(Trouble.NO_ANSWER, "unconfirmed")
        elif how_far == "underway" and effect.patient:
            self.fail(Trouble.STILL_UNDERWAY, "unconfirmed", state=entity.state)
        elif how_far == "underway":
            self.end("confirmed")
        else:
            self.fail(Trouble.OTHER_STATE, "unconfirmed", state=entity.state or "unknown")

    def _settled(self) -> None:
        self.end("confirmed")

    def _as_done(self) -> DeviceAction:
        """The wish with the parameters that the device was given."""
        if isinstance(self.verdict, Allowed | NeedsYes):
            return DeviceAction(self.wish.entity_id, self.wish.action, self.verdict.params)
        return self.wish


def _turns(attempts: Sequence[_Attempt]) -> list[list[_Attempt]]:
    """The first of each device, then the second of each, and so on."""
    turns: list[list[_Attempt]] = []
    count: dict[str, int] = {}
    for attempt in attempts:
        place = count.get(attempt.wish.entity_id, 0)
        count[attempt.wish.entity_id] = place + 1
        if place == len(turns):
            turns.append([])
        turns[place].append(attempt)
    return turns
