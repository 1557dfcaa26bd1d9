"""From a Request to its Reply: the queue, the deadline, and the model's turn."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace

from edge_agent.broker import Broker, Delivery, Topics
from edge_agent.commands.chunks import ChunkStream
from edge_agent.commands.conversations import Conversations
from edge_agent.commands.fulfilling import Fulfilling
from edge_agent.commands.hearing import Hear
from edge_agent.commands.inbox import Entry, Inbox
from edge_agent.commands.outcome import Outcome
from edge_agent.commands.replies import answered, failed, told
from edge_agent.commands.request import CANCELLED, LetGo, Request
from edge_agent.commands.slots import Slots
from edge_agent.errors import Busy, Cancelled, CommandError, Internal, Interrupted, ModelUnavailable, NotUnderstood
from edge_agent.inference import Generation, InferenceWorker
from edge_agent.language import Chat, Turn, Wording
from edge_agent.messages import Reply
from edge_agent.settings import Settings

log = logging.getLogger(__name__)

RULES_ROOM = 1000
AT_ONCE_MOST = 8  # commands that wait for the rules and are not on disk: a broker may give no more before it is told
UNKEPT_MOST = 8  # the same, of those that wait for the model while the disk fails
BUSY_RULES = "Too many commands have come at once. Try again in a moment."
BUSY_MODEL = "Too many commands are waiting for the model. Try again in a moment."
BUSY_DISK = "The disk takes no more of the commands that wait for the model. Try again in a moment, or free some space."
BROKEN_OFF = "The agent stopped while it did that. See whether it was done before you ask again."
# Brokers deliver no more than some 20 messages that are not acknowledged; what needs no model must still get through.
SHARED_MOST = 12
NOTHING_TO_DO = "That was not understood as something to do in the home. Say it in other words."


class Answering:
    """Makes Replies; publishes none."""

    def __init__(
        self,
        settings: Settings,
        broker: Broker,
        topics: Topics,
        inbox: Inbox,
        worker: InferenceWorker,
        fulfilling: Fulfilling,
        refusal: Callable[[], str | None],
        hear: Hear,
    ) -> None:
        self._settings, self._fulfilling, self._refusal, self._hear = settings, fulfilling, refusal, hear
        self._broker, self._topics, self._inbox, self._worker = broker, topics, inbox, worker
        self._chat = Chat(settings.chat, worker)
        self._conversations = Conversations(settings.conversation)
        self._rules = Slots(lambda: 1, lambda: RULES_ROOM, busy=BUSY_RULES)
        self._slots = Slots(
            lambda: worker.sequences, lambda: settings.commands.queue_limit, busy=BUSY_MODEL, spare=True
        )
        self._unkept = 0  # commands that wait for the model and that the disk did not take

    async def reply_to(self, request: Request) -> tuple[Reply, Generation | None]:
        """The Reply, and what the model did for it. Raises LetGo, and CancelledError only where the agent stops."""
        try:
            async with asyncio.timeout_at(request.deadline.at_s):
                with request.cancellable():
                    if request.sound is not None:
                        request.understood_as(await self._hear(request.sound, self._settings.agent.language))
                    if (outcome := await self._fulfil(request)) is not None:
                        request.not_here = outcome.not_here
                        return told(request, outcome), None
                    made = await self._ask_model(request)
        except TimeoutError:
            return self._failed(request, request.deadline.failure()), None
        except CommandError as error:
            return self._failed(request, error), None
        except LetGo:
            raise
        except Exception:
            log.exception("a command failed", extra={"id": request.id})
            return failed(request, Internal("Something went wrong in the agent; its log says what.")), None
        model = self._worker.loaded.name if self._worker.loaded else None  # it may just have died
        if isinstance(made, Outcome):
            return told(request, made, handled_by="llm", model=model), None
        return answered(request, made, model), made

    def interrupted(self, request: Request) -> Reply:
        """Who did it is gone, and so is what came of it."""
        return self._failed(request, Interrupted(BROKEN_OFF))

    def _failed(self, request: Request, error: CommandError) -> Reply:
        """The person is told in their language; programs, and those who speak English, what to do about it."""
        reply = failed(request, error)
        wording = Wording.of(request.command.language or self._settings.agent.language)
        return reply if wording.language == "en" else reply.model_copy(update={"text": wording.error(error.code)})

    async def _fulfil(self, request: Request) -> Outcome | None:
        """Without the model, where that is enough. None where the command is for the model.

        One after the other, by turns of those who send: until it is understood, or something is going to be done.
        """
        if not _may_act(request):
            return None
        with self._rules.queued(request.sender) as turn:
            if self._rules.waiting > AT_ONCE_MOST:
                await self._keep(request)
            await turn.given

            async def begin() -> None:
                self._rules.leave(turn)
                await self._begin(request)

            return await self._fulfilling.fulfil(request, begin)

    async def _begin(self, request: Request) -> None:
        """Something is going to be done for it: from here on a crash is answered, and nothing is done again."""
        if request.shared is not None:
            await request.shared.begin()
        reply = self.interrupted(request).to_payload()
        try:
            await keep_reply(self._inbox, request, reply)
        except sqlite3.Error as error:
            log.error("the inbox can't be written; free some space", extra={"id": request.id, "cause": str(error)})
        else:
            request.on_disk = True
            if request.shared is None:
                request.acknowledge()

    async def _ask_model(self, request: Request) -> Outcome | Generation:
        """What it does at home where a device is named and wished for, else what it says."""
        never_talks, may_act = request.command.mode == "home", _may_act(request)
        names_a_device = may_act and await self._fulfilling.names_a_device(request)
        failed = self._worker.state == "failed"
        if never_talks and (failed or not names_a_device):
            raise NotUnderstood(NOTHING_TO_DO)
        if failed:
            raise ModelUnavailable(self._worker.problem or "There is no model.")
        if refusal := self._refusal():
            raise Busy(refusal)
        plan = None
        async with self._turn(request, is_urgent=names_a_device):
            plan = await self._fulfilling.plan_by_model(request) if names_a_device else None
            if plan is None and not never_talks:
                return await self._talk(request)
        if plan is None:
            raise NotUnderstood(NOTHING_TO_DO)
        return await self._fulfilling.fulfil_plan(plan, request, lambda: self._begin(request))

    async def _talk(self, request: Request) -> Generation:
        command, earlier = request.command, self._conversations.turns(request.session)
        generation = await self._chat.answer(command, earlier, self._listener(request))
        self._conversations.add(request.session, Turn(command.text, generation.text))
        return generation

    @asynccontextmanager
    async def _turn(self, request: Request, *, is_urgent: bool) -> AsyncIterator[None]:
        """A slot at the model, for which the command waits safe on disk. Raises Busy; Cancelled where nobody waits."""
        if request.abandoned:
            raise Cancelled(CANCELLED)
        if request.shared is not None and self._slots.waiting >= SHARED_MOST:
            raise Busy(BUSY_MODEL)
        with self._slots.queued(request.sender, is_urgent=is_urgent) as turn:
            request.waits = True
            await self._keep(request)
            with self._waiting_unkept(request):
                await turn.given
            request.started_s = time.monotonic()
            yield

    @contextmanager
    def _waiting_unkept(self, request: Request) -> Iterator[None]:
        """One that the disk did not take is not acknowledged, and a broker gives only so many that are not.

        Raises Busy where more of them would keep those from coming that need no model.
        """
        is_unkept = request.is_held and not request.on_disk
        if is_unkept and self._unkept >= UNKEPT_MOST:
            raise Busy(BUSY_DISK)
        self._unkept += is_unkept
        try:
            yield
        finally:
            self._unkept -= is_unkept

    async def _keep(self, request: Request) -> None:
        """Puts the command where a crash does not reach it, then tells the broker. A full disk costs only that."""
        if request.on_disk or request.delivery is None or request.shared is not None:
            return  # what a group shares stays at the broker: another answers it where we don't
        try:
            await self._inbox.add(entry_of(request, request.delivery))
        except sqlite3.Error as error:
            log.error("the inbox can't be written; free some space", extra={"id": request.id, "cause": str(error)})
        else:
            request.on_disk = True
            request.acknowledge()

    def _listener(self, request: Request) -> Callable[[str], None]:
        if request.command.stream:
            request.stream = ChunkStream(self._broker, self._topics.stream(request.id), request.id)

        def on_text(text: str) -> None:
            if request.first_text_s is None:
                request.first_text_s = time.monotonic()
            if request.stream is not None:
                request.stream.say(text)

        return on_text


def _may_act(request: Request) -> bool:
    return request.command.mode != "chat" and request.command.schema_ is None


def entry_of(request: Request, delivery: Delivery) -> Entry:
    """The command as the inbox keeps it."""
    return Entry(
        topic=request.topic,
        id=request.id,
        packet_id=delivery.packet_id,
        digest=request.digest,
        payload=request.payload,
        expires_in_s=delivery.expires_in_s,
        response_topic=request.address.response_topic if request.address else None,
        correlation_data=request.address.correlation_data if request.address else None,
        age_s=time.monotonic() - request.arrived_s,
    )


async def keep_reply(inbox: Inbox, request: Request, reply: bytes, *, surely: bool = True) -> None:
    """Puts it where a crash does not reach it, with its command where that is not there yet. Raises sqlite3.Error."""
    if request.on_disk:
        await inbox.answer(request.topic, request.id, reply)
    elif request.delivery is not None:
        await inbox.add(replace(entry_of(request, request.delivery), reply=reply), surely=surely)
