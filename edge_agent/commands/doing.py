"""Acts on the home, now, later, or for a while, and words what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from edge_agent.commands.outcome import Occasion, Outcome, told
from edge_agent.errors import NotAllowed
from edge_agent.home import (
    Acting,
    ActionResult,
    Allowed,
    DeviceAction,
    Home,
    NeedsYes,
    Refusal,
    Refused,
    SeveralNeedAYes,
    Timers,
    undoing,
)
from edge_agent.language import Act, Ask, Refuse, When

# Results after which a device may be as it was wished, and is to be brought back.
MAY_BE_SO = frozenset({"confirmed", "already", "sent", "unconfirmed"})


class Doing:
    """The text of an answer about actions is made from their results."""

    def __init__(self, home: Home, acting: Acting, timers: Timers) -> None:
        self._home, self._acting, self._timers = home, acting, timers

    async def fulfil(self, plan: Act, occasion: Occasion) -> Outcome:
        confirmed = plan.confirmed or occasion.request.command.confirmed
        try:
            if plan.when is not None:
                return await self._later(plan, plan.when, occasion, confirmed=confirmed)
            if plan.for_s is not None:
                return await self._for_a_while(plan, plan.for_s, occasion, confirmed=confirmed)
            return await self._now(plan, occasion, confirmed=confirmed)
        except SeveralNeedAYes as error:
            return self._one_at_a_time(error, plan, occasion)

    async def _now(self, plan: Act, occasion: Occasion, *, confirmed: bool) -> Outcome:
        results = await self._acting.carry_out(plan.actions, confirmed=confirmed, before_publishing=occasion.begin)
        return self._outcome(plan, results, occasion)

    def _outcome(self, plan: Act, results: Sequence[ActionResult], occasion: Occasion) -> Outcome:
        """`plan` waits for a yes, with those of its actions that need one."""
        occasion.dialogue.acted(plan.actions)
        waiting = tuple(result.wish for result in results if result.result == "needs_confirmation")
        if waiting:
            occasion.dialogue.unconfirmed = replace(plan, actions=waiting)
        text = occasion.wording.results(results, self._home)
        refused = all(result.result == "failed" and result.code in set(Refusal) for result in results)
        error = NotAllowed(text) if refused and results else None
        return Outcome(text, told(results), expects_answer=bool(waiting), error=error)

    async def _later(self, plan: Act, when: When, occasion: Occasion, *, confirmed: bool) -> Outcome:
        """What can't be done is said now: later nobody is there to hear it."""
        foreseen = self._foreseen(plan.actions, confirmed=confirmed)
        wishes = _without(plan.actions, foreseen)
        if not wishes or any(result.result == "needs_confirmation" for result in foreseen):
            return self._outcome(plan, foreseen, occasion)
        undone = () if plan.for_s is None else self._undone(wishes)
        if undone is None:
            return self._not_for_a_while(occasion)
        await occasion.begin()
        await self._set(wishes, when, occasion, confirmed=confirmed)
        sentences = [occasion.wording.delayed(wishes, when, self._home)]
        if undone and plan.for_s is not None:
            end = _behind(when, plan.for_s)
            await self._set(undone, end, occasion, undoes=True)
            sentences.append(occasion.wording.undone(undone, end, self._home))
        if foreseen:
            sentences.append(occasion.wording.results(foreseen, self._home))
        occasion.dialogue.acted(wishes)
        return Outcome(occasion.wording.phrases.sentences(sentences), told(foreseen) or None)

    async def _set(
        self,
        wishes: Sequence[DeviceAction],
        when: When,
        occasion: Occasion,
        *,
        confirmed: bool = False,
        undoes: bool = False,
    ) -> str:
        """Its id. Raises NotAllowed for too many."""
        request = occasion.request
        timer = await self._timers.add(
            duration_s=when.delay_s,
            at=None if when.delay_s is not None else next_time(when, datetime.now().astimezone()),
            origin=request.origin,
            language=request.command.language,
            wishes=wishes,
            confirmed=confirmed,
            undoes=undoes,
            wished_id=request.id,
        )
        return timer.id

    def _foreseen(self, wishes: Sequence[DeviceAction], *, confirmed: bool) -> list[ActionResult]:
        """Of those that policy does not let pass as they are."""
        found = []
        for wish, verdict in zip(wishes, self._acting.review(wishes, confirmed=confirmed), strict=True):
            if isinstance(verdict, NeedsYes):
                found.append(ActionResult(wish, "needs_confirmation"))
            elif isinstance(verdict, Refused):
                found.append(ActionResult(wish, "failed", verdict.message, verdict.code, verdict.values))
        return found

    async def _for_a_while(self, plan: Act, for_s: float, occasion: Occasion, *, confirmed: bool) -> Outcome:
        """What undoes it is set first: whatever happens now, a heater does not stay on."""
        foreseen = self._foreseen(plan.actions, confirmed=confirmed)
        wishes = _without(plan.actions, foreseen)
        undone = self._undone(wishes)
        if undone is None:
            return self._not_for_a_while(occasion)
        if not wishes or any(result.result == "needs_confirmation" for result in foreseen):
            return self._outcome(plan, foreseen, occasion)
        await occasion.begin()
        await self._timers.leave_as_they_are({wish.entity_id for wish in wishes})
        end = When(delay_s=for_s)
        timer_id = await self._set(undone, end, occasion, undoes=True)
        results = await self._acting.carry_out(plan.actions, confirmed=confirmed)
        outcome = self._outcome(plan, results, occasion)
        if not any(result.result in MAY_BE_SO for result in results):
            await self._timers.cancel(timer_id)
            return outcome
        back = occasion.wording.undone(undone, end, self._home)
        return replace(outcome, text=occasion.wording.phrases.sentences([outcome.text, back]))

    def _not_for_a_while(self, occasion: Occasion) -> Outcome:
        text = occasion.wording.refuse(Refuse("not_for_a_while"), self._home)
        return Outcome(text, error=NotAllowed(text))

    def _undone(self, wishes: Sequence[DeviceAction]) -> tuple[DeviceAction, ...] | None:
        """None where it is not clear what undoes one of them, or that needs a yes."""
        undone = []
        for wish in wishes:
            entity = self._home.find(wish.entity_id)
            back = None if entity is None else undoing(entity, wish)
            if back is None:
                return None
            undone.append(back)
        verdicts = self._acting.review(undone)
        return tuple(undone) if all(isinstance(verdict, Allowed) for verdict in verdicts) else None

    def _one_at_a_time(self, error: SeveralNeedAYes, plan: Act, occasion: Occasion) -> Outcome:
        """A person is asked which one is meant; who has said yes to all of them, or to other things too, is refused."""
        ids = tuple(entity.id for entity in error.entities)
        clause = occasion.dialogue.clause
        others = {wish.entity_id for wish in plan.actions} - set(ids)
        if occasion.request.command.confirmed or plan.confirmed or others or clause is None:
            text = occasion.wording.refuse(Refuse("only_one_at_a_time", {"name": error.entities}), self._home)
            return Outcome(text, error=NotAllowed(text))
        occasion.dialogue.asked(Ask("which_one", candidates=ids), clause)
        question = Ask("one_at_a_time", {"name": error.entities})
        return Outcome(occasion.wording.ask(question, self._home), expects_answer=True)


def _without(wishes: Sequence[DeviceAction], results: Sequence[ActionResult]) -> tuple[DeviceAction, ...]:
    """The wishes that these results are not of."""
    others = [result.wish for result in results]
    return tuple(wish for wish in wishes if wish not in others)


def next_time(when: When, now: datetime) -> datetime:
    """The next time of day like this; tomorrow's, where that was said."""
    at = now.replace(hour=(when.hour or 0) % 24, minute=when.minute, second=0, microsecond=0)
    if when.tomorrow:
        return at + timedelta(days=1)
    if at <= now and 0 < at.hour < 12 and at + timedelta(hours=12) > now:
        return at + timedelta(hours=12)  # "at seven", said at nine in the morning
    return at if at > now else at + timedelta(days=1)


def _behind(when: When, for_s: float) -> When:
    """So many seconds after it."""
    if when.delay_s is not None:
        return When(delay_s=when.delay_s + for_s)
    now = datetime.now().astimezone()
    end = next_time(when, now) + timedelta(seconds=for_s)
    return When(hour=end.hour, minute=end.minute, tomorrow=end.date() != now.date())
