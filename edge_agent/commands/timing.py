"""Wishes about timers: which of those that run is meant, and what is said of it."""

from __future__ import annotations

from collections.abc import Sequence

from edge_agent.commands.outcome import Occasion, Outcome
from edge_agent.home import DelayedCommand, Timer, Timers
from edge_agent.language import TimerWish


class Timing:
    """Sets, changes, cancels and tells timers."""

    def __init__(self, timers: Timers) -> None:
        self._timers = timers

    async def fulfil(self, wish: TimerWish, occasion: Occasion) -> Outcome:
        """Raises NotAllowed for too many timers, and for one that would have ended."""
        if wish.type == "set":
            return await self._set(wish, occasion)
        running = [timer for timer in self._timers.list() if not isinstance(timer, DelayedCommand)]
        meant = _meant(wish, running)
        if not meant:
            return Outcome(occasion.wording.no_timer(wish.name if running else None))
        if wish.type == "ask":
            return Outcome(occasion.wording.timers_left([self._left(timer) for timer in meant]))
        if len(meant) > 1 and not wish.every:
            return _asked(occasion.wording.which_timer(meant), wish, occasion)
        await occasion.begin()
        return await (self._cancel if wish.type == "cancel" else self._change)(meant, wish, occasion)

    async def _set(self, wish: TimerWish, occasion: Occasion) -> Outcome:
        if wish.duration_s is None:
            return _asked(occasion.wording.timer_how_long(), wish, occasion)
        await occasion.begin()
        request = occasion.request
        await self._timers.add(duration_s=wish.duration_s, name=wish.name, origin=request.origin, wished_id=request.id)
        return Outcome(occasion.wording.timer_set(wish.duration_s, wish.name))

    async def _cancel(self, meant: Sequence[Timer], wish: TimerWish, occasion: Occasion) -> Outcome:
        cancelled = [timer for one in meant if (timer := await self._timers.cancel(one.id)) is not None]
        if not cancelled:
            return Outcome(occasion.wording.no_timer(wish.name))
        return Outcome(occasion.wording.timers_cancelled(cancelled))

    async def _change(self, meant: Sequence[Timer], wish: TimerWish, occasion: Occasion) -> Outcome:
        changed = [
            timer for one in meant
            if (timer := await self._timers.change(one.id, add_s=wish.duration_s or 0)) is not None
        ]  # fmt: skip
        if not changed:
            return Outcome(occasion.wording.no_timer(wish.name))
        return Outcome(occasion.wording.timers_changed([self._left(timer) for timer in changed]))

    def _left(self, timer: Timer) -> tuple[Timer, float]:
        return timer, self._timers.remaining_s(timer.id) or 0.0


def _asked(question: str, wish: TimerWish, occasion: Occasion) -> Outcome:
    """What is said next may be the answer."""
    occasion.dialogue.timer_wish = wish
    return Outcome(question, expects_answer=True)


def _meant(wish: TimerWish, running: Sequence[Timer]) -> Sequence[Timer]:
    """Of one name the exact one, else those whose names hold all that was said."""
    found = running
    if wish.of_s is not None:
        found = [timer for timer in found if timer.duration_s == wish.of_s]
    if wish.name is None:
        return found
    said = _words(wish.name)
    exact = [timer for timer in found if _words(timer.name) == said]
    return exact or [timer for timer in found if said <= _words(timer.name)]


def _words(name: str | None) -> frozenset[str]:
    return frozenset((name or "").casefold().split())
