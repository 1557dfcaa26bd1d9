"""What is understood of a command without the model, done and told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from edge_agent.commands.request import Request
from edge_agent.errors import CommandError, NotAllowed, NotUnderstood
from edge_agent.home import Acting, ActionResult, DelayedCommand, Home, NeedsYes, Refusal, SeveralNeedAYes, Timers
from edge_agent.language import (
    Act,
    Ask,
    Clock,
    Dialogue,
    Dialogues,
    LetBe,
    Plan,
    Query,
    Refuse,
    TimerWish,
    Understanding,
    When,
    Wording,
    answer,
)
from edge_agent.messages import Action
from edge_agent.settings import Settings

NOT_HERE = frozenset({"no_such_device", "not_understood"})


@dataclass(frozen=True)
class Outcome:
    """What to tell the person. `error`: nothing could be done, and why that is, for programs."""

    text: str
    actions: tuple[Action, ...] | None = None
    expects_answer: bool = False
    error: CommandError | None = None


class Fulfilling:
    """Understands, acts, and words what came of it. The text of an answer about actions is made from their results."""

    def __init__(self, settings: Settings, home: Home, acting: Acting, timers: Timers) -> None:
        self._settings, self._home, self._acting, self._timers = settings, home, acting, timers
        self._understanding = Understanding(home)
        conversation = settings.conversation
        self._dialogues = Dialogues(conversation.idle_s, conversation.max_sessions)

    def warm_up(self) -> None:
        """Loads what the first command would wait for."""
        language = self._settings.agent.language
        Wording.of(language)
        self._understanding.understand("", Dialogue(), area=None, language=language)

    async def fulfil(self, request: Request, begin: Callable[[], Awaitable[None]]) -> Outcome | None:
        """None where no rule understands it. `begin` is awaited before anything is published to a device.

        Waits until the home is known. Raises NotAllowed where the wish as a whole is forbidden.
        """
        await self._home.up_to_date()
        command = request.command
        await self._home.settled()  # right after a start nobody knows yet what is here
        language = command.language or self._settings.agent.language
        dialogue = self._dialogues.of(request.session)
        plan = self._understanding.understand(
            command.text, dialogue, area=command.area or request.origin, language=language
        )
        dialogue.unconfirmed = None  # a yes is one to the question just before it
        if plan is None:
            return None
        if isinstance(plan, Act) and plan.when is None:
            return await self._act(plan, request, dialogue, Wording.of(language), begin)
        return await self._carry_out(plan, request, dialogue, Wording.of(language))

    async def _carry_out(self, plan: Plan, request: Request, dialogue: Dialogue, wording: Wording) -> Outcome:
        match plan:
            case Act():
                return await self._act_later(plan, plan.when, request, dialogue, wording)
            case Ask():
                return Outcome(wording.ask(plan, self._home), expects_answer=True)
            case Query():
                return Outcome(answer(plan, self._home, wording))
            case Clock():
                return Outcome(wording.clock(plan.wanted, datetime.now().astimezone()))
            case TimerWish():
                return await self._timer(plan, request, wording)
            case LetBe():
                return Outcome(wording.let_be(plan, self._home))
            case Refuse():
                text = wording.refuse(plan, self._home)
                return Outcome(text, error=(NotUnderstood if plan.key in NOT_HERE else NotAllowed)(text))

    async def _act(
        self, plan: Act, request: Request, dialogue: Dialogue, wording: Wording, begin: Callable[[], Awaitable[None]]
    ) -> Outcome:
        confirmed = plan.confirmed or request.command.confirmed
        try:
            results = await self._acting.carry_out(plan.actions, confirmed=confirmed, before_publishing=begin)
        except SeveralNeedAYes as error:
            text = wording.refuse(Refuse("one_at_a_time", {"name": error.entities}), self._home)
            return Outcome(text, error=NotAllowed(text))
        dialogue.acted(plan.actions)
        waiting = tuple(result.wish for result in results if result.result == "needs_confirmation")
        if waiting:
            dialogue.unconfirmed = Act(waiting)
        text = wording.results(results, self._home)
        refused = all(result.result == "failed" and result.code in set(Refusal) for result in results)
        return Outcome(
            text,
            actions=tuple(map(_told, results)),
            expects_answer=bool(waiting),
            error=NotAllowed(text) if refused and results else None,
        )

    async def _act_later(
        self, plan: Act, when: When | None, request: Request, dialogue: Dialogue, wording: Wording
    ) -> Outcome:
        confirmed = plan.confirmed or request.command.confirmed
        verdicts = self._acting.review(plan.actions, confirmed=confirmed)
        if any(isinstance(verdict, NeedsYes) for verdict in verdicts):
            dialogue.unconfirmed = plan
            results = [ActionResult(wish, "needs_confirmation") for wish in plan.actions]
            return Outcome(wording.results(results, self._home), tuple(map(_told, results)), expects_answer=True)
        when = when or When()
        await self._timers.add(
            duration_s=when.delay_s,
            at=None if when.delay_s is not None else _next(when, datetime.now().astimezone()),
            origin=request.origin,
            language=request.command.language,
            wishes=plan.actions,
            confirmed=confirmed,
            timer_id=request.id[:40],
        )
        dialogue.acted(plan.actions)
        return Outcome(wording.delayed(plan.actions, when, self._home))

    async def _timer(self, wish: TimerWish, request: Request, wording: Wording) -> Outcome:
        timers = [timer for timer in self._timers.list() if not isinstance(timer, DelayedCommand)]
        if wish.type == "set" and wish.duration_s is not None:
            await self._timers.add(
                duration_s=wish.duration_s, name=wish.name, origin=request.origin, timer_id=request.id[:40]
            )
            return Outcome(wording.timer_set(wish.duration_s, wish.name))
        if not timers:
            return Outcome(wording.no_timer(wish.name))
        if wish.type == "cancel":
            await self._timers.cancel(timers[0].id)
            return Outcome(wording.timer_cancelled(timers[0].name))
        if wish.type == "add" and wish.duration_s is not None:
            await self._timers.change(timers[0].id, add_s=wish.duration_s)
            return Outcome(wording.timer_changed(self._timers.remaining_s(timers[0].id) or 0, timers[0].name))
        return Outcome(wording.timers_left([(timer.name, self._timers.remaining_s(timer.id) or 0) for timer in timers]))


def _told(result: ActionResult) -> Action:
    return Action(
        device=result.wish.entity_id,
        action=result.wish.action,
        params=dict(result.wish.params),
        result=result.result,
    )


def _next(when: When, now: datetime) -> datetime:
    """The next time of day like this; tomorrow's, where that was said."""
    at = now.replace(hour=(when.hour or 0) % 24, minute=when.minute, second=0, microsecond=0)
    if when.tomorrow:
        return at + timedelta(days=1)
    if at <= now and at.hour < 12 and at + timedelta(hours=12) > now:
        return at + timedelta(hours=12)  # "at seven", said at nine in the morning
    return at if at > now else at + timedelta(days=1)
