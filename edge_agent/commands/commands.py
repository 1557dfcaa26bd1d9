"""Takes commands in, and answers each exactly once.

    delivery ─▶ read ─▶ known? ─▶ inbox (disk) ─▶ acknowledged ─▶ its turn ─▶ model ─▶ inbox ─▶ Reply
                 └ wrong: an error Reply └ the same Reply again

Each command is carried out by a task of its own; cancelling the command cancels the task.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import re
import sqlite3
import time
import uuid
from collections.abc import Callable, Coroutine
from contextlib import suppress

from pydantic import ValidationError

from edge_agent.broker import Broker, Delivery, Topics
from edge_agent.commands.answering import Answering, keep_reply
from edge_agent.commands.fulfilling import Fulfilling
from edge_agent.commands.hearing import LARGEST_BYTES, Hear
from edge_agent.commands.inbox import REDELIVERED_S, Entry, Inbox, digest
from edge_agent.commands.known import Key, Known, KnownCommands
from edge_agent.commands.reading import check_delivery, parse_command, read_command, readable_id
from edge_agent.commands.refusals import Refusals
from edge_agent.commands.replies import measured, publish_reply, refusal, summary
from edge_agent.commands.request import NOT_HEARD_YET, Address, Answer, Deadline, Heard, LetGo, Request
from edge_agent.commands.shared import Shared
from edge_agent.errors import Busy, CommandError, Internal, InvalidRequest
from edge_agent.inference import Generation, InferenceWorker
from edge_agent.messages import REQUEST_ID_PATTERN, Command, Reply
from edge_agent.settings import Settings
from edge_agent.telemetry import Answered, Measurements

log = logging.getLogger(__name__)

CANCEL_ALL = "*"
STOPPING = "The agent is stopping. Ask again in a moment."
REQUESTS_MOST = 1000  # that are not answered yet, besides those that wait for the model
# What is older than a repeat can be is known all the same, for a second delivery.
AGE_MOST_S = REDELIVERED_S / 2
CANCEL_AGAIN_S = 0.1
REPEATS_MOST = 20  # repeats of one command that wait for its reply


class Commands:
    """The life of every command between its delivery and its Reply."""

    def __init__(
        self,
        settings: Settings,
        broker: Broker,
        topics: Topics,
        inbox: Inbox,
        worker: InferenceWorker,
        measurements: Measurements,
        fulfilling: Fulfilling,
        is_device_topic: Callable[[str], bool],
        refusal: Callable[[], str | None],
        *,
        hear: Hear,
        speak: Callable[[Reply, Request], None],
    ) -> None:
        """`refusal` says why the model answers nobody at the moment. `speak` says aloud what was answered."""
        self._settings, self._broker, self._topics, self._inbox = settings, broker, topics, inbox
        self._measurements = measurements
        self._is_device_topic, self._fulfilling, self._speak = is_device_topic, fulfilling, speak
        self._answering = Answering(settings, broker, topics, inbox, worker, fulfilling, refusal, hear)
        self._known = KnownCommands()
        self._refusals = Refusals(in_a_hurry=lambda: self._stopping)
        self._requests: dict[Key, Request] = {}  # that are not answered yet
        self._tasks: set[asyncio.Task[None]] = set()
        self._asked = itertools.count()
        self._stopping = False

    @property
    def queued(self) -> int:
        return len(self._requests) - self.active

    @property
    def active(self) -> int:
        return sum(request.started_s is not None for request in self._requests.values())

    async def open(self) -> None:
        """Takes up what an earlier run left, then listens."""
        for entry in await self._inbox.entries():
            try:
                self._take_up(entry)
            except (CommandError, ValidationError):  # the disk gave back something else than it got
                log.error("a command in the inbox can't be read any more", extra={"id": entry.id})
                self._spawn(self._tell_lost(entry))
        for topic_filter in self._topics.command_filters:
            self._broker.subscribe(topic_filter, self._receive, fresh=True)
        for topic_filter in self._topics.audio_filters:
            self._broker.subscribe(topic_filter, self._receive, fresh=True)
        self._broker.subscribe(self._topics.cancel, self._receive_cancel, fresh=True)

    async def ask(self, command: Command, *, door: str, origin: str | None = None) -> Answer:
        """The way in for what is no topic of ours: the Reply goes back to the caller alone, once.

        `door` names it in what is counted and logged. Whoever stops waiting leaves a talk unfinished, but no action.
        Raises Busy where the agent is stopping.
        """
        if self._stopping:
            raise Busy(STOPPING)
        request = self._request(command, f"{door}-{next(self._asked)}", door, None, None)
        request.origin = origin
        answered: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._requests[request.key] = request
        request.task = self._spawn(self._answer(request, answered))
        try:
            return Answer(await answered, request.not_here)
        except asyncio.CancelledError:
            request.abandon()
            raise

    async def _answer(self, request: Request, answered: asyncio.Future[Reply]) -> None:
        try:
            reply, generation = await self._answering.reply_to(request)
            self._count(request, reply, generation)
            if not answered.done():
                answered.set_result(reply)
        finally:
            del self._requests[request.key]
            if not answered.done():
                answered.set_exception(Busy(STOPPING))

    async def finish(self, within_s: float) -> None:
        """Answers what is being answered; what waits stays in the inbox for the next start."""
        self._stopping = True
        for request in self._requests.values():
            if request.waits and request.started_s is None and request.task is not None:
                request.task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within_s)
        while tasks := list(self._tasks):
            for task in tasks:  # one that a person has just cancelled takes the first cancel for that
                task.cancel()
            await asyncio.wait(tasks, timeout=CANCEL_AGAIN_S)

    def _receive(self, delivery: Delivery) -> None:
        if self._stopping:
            return  # not acknowledged: the broker keeps it for the next start
        address = self._address(delivery)
        try:
            command = self._read(delivery)
        except CommandError as error:
            self._refuse(delivery, error, address)
            return
        known = self._known.find(command, delivery)
        if known is None:
            if len(self._requests) >= REQUESTS_MOST + self._settings.commands.queue_limit:
                self._refuse(delivery, Busy("Too many commands are being carried out. Try again in a moment."), address)
            else:
                self._take_in(command, delivery, address)
        elif known.is_same_delivery(delivery):
            self._adopt(known, delivery)
        else:
            self._repeat(known, delivery, address)

    def _read(self, delivery: Delivery) -> Command:
        """What it wishes; of sound nobody knows that yet. Raises InvalidRequest or TooLarge."""
        if self._topics.is_audio(delivery.topic):
            check_delivery(delivery, self._topics, LARGEST_BYTES, self._is_device_topic)
            return NOT_HEARD_YET
        most_bytes = self._settings.commands.max_payload_bytes
        return read_command(delivery, self._topics, most_bytes, self._is_device_topic)

    def take_shared(self, delivery: Delivery, shared: Shared) -> None:
        """A message that a group of agents shares, and this one holds. Not acknowledged while we are stopping."""
        if self._stopping:
            return
        address = self._address(delivery)
        try:
            command = self._read(delivery)
        except CommandError as error:
            reply = refusal(readable_id(delivery.payload, self._settings.commands.max_payload_bytes), error)
            self._spawn(self._give_shared(reply, shared, address))
            return
        known = self._known.find(command, delivery)
        if known is not None:
            self._take_known(known, delivery, shared, address)
        elif command.id is not None and (earlier := shared.earlier(command.id)) is not None:
            self._spawn(self._give_shared(earlier, shared, address))
        else:
            self._take_in(command, delivery, address, shared)

    def _take_known(self, known: Known, delivery: Delivery, shared: Shared, address: Address) -> None:
        if known.reply is not None:
            self._spawn(self._give_shared(known.reply, shared, address))
        elif known.request is not None and known.is_same_delivery(delivery):
            known.request.delivery, known.request.shared = delivery, shared  # the connection was lost meanwhile
        elif known.request is not None:
            known.request.shared_repeats.append((shared, address))

    async def _give_shared(self, reply: Reply, shared: Shared, address: Address) -> None:
        """Where another agent has the message by now, that one answers it."""
        with suppress(LetGo):
            await shared.give(reply, address)

    async def _give_as_it_is_held(self, reply: Reply, request: Request, address: Address) -> None:
        """Once more where the message came to us again meanwhile, on a new connection."""
        given: Shared | None = None
        while request.shared is not None and request.shared is not given:
            given = request.shared
            await self._give_shared(reply, given, address)

    def _receive_cancel(self, delivery: Delivery) -> None:
        wanted = delivery.payload[:100].decode("utf-8", "replace").strip()
        if delivery.retained or not (wanted == CANCEL_ALL or re.fullmatch(REQUEST_ID_PATTERN, wanted)):
            error = InvalidRequest("A cancel is a request id as plain text, or `*` for all, and is not retained.")
            self._spawn(self._publish(refusal(None, error), Address(self._topics.reply(None)), delivery))
            return
        for request in self._requests.values():
            if wanted in (CANCEL_ALL, request.id):
                request.cancel()
        delivery.acknowledge()

    def _address(self, delivery: Delivery) -> Address:
        topic = self._topics.reply(self._topics.origin(delivery.topic))
        if delivery.response_topic is None or self._topics.refuses_response(
            delivery.response_topic, self._is_device_topic
        ):
            return Address(topic)
        return Address(topic, delivery.response_topic, delivery.correlation_data)

    def _refuse(self, delivery: Delivery, error: CommandError, address: Address) -> None:
        request_id = readable_id(delivery.payload, self._settings.commands.max_payload_bytes)
        log.info("refused", extra={"id": request_id, "code": error.code})
        self._measurements.record(Answered(handled_by=None, queued_ms=0, total_ms=0, error=True))
        self._spawn(self._publish(refusal(request_id, error), address, delivery))

    def _adopt(self, known: Known, delivery: Delivery) -> None:
        """Takes over the acknowledgement: now, or once the command is safe."""
        if known.request is not None and not known.request.on_disk:
            known.request.delivery = delivery
        else:
            delivery.acknowledge()

    def _repeat(self, known: Known, delivery: Delivery, address: Address) -> None:
        """The same id again gets the same Reply, now or when it is made."""
        if known.reply is not None:
            log.info("repeated", extra={"id": known.reply.id})
            self._spawn(self._publish(known.reply, address, delivery))
        elif known.request is not None and len(known.request.repeats) < REPEATS_MOST:
            known.request.repeats.append((delivery, address))
        else:
            self._refuse(delivery, Busy("This very command is being answered. Wait for its reply."), address)

    def _take_in(self, command: Command, delivery: Delivery, address: Address, shared: Shared | None = None) -> None:
        request = self._request(command, command.id or uuid.uuid4().hex, delivery.topic, address, delivery.expires_in_s)
        request.origin, request.delivery = self._topics.origin(delivery.topic), delivery
        request.digest, request.shared = digest(delivery.payload), shared
        request.sound = delivery.payload if command is NOT_HEARD_YET else None
        known = Known(delivery.packet_id, request.digest, request.arrived_s, request)
        self._known.add(request.key, known)
        self._requests[request.key] = request
        request.task = self._spawn(self._carry_out(request, known))

    def _take_up(self, entry: Entry) -> None:
        """One that an earlier run left: to be answered, to be published, or only to be known."""
        reply = None if entry.reply is None else Reply.model_validate_json(entry.reply)
        received_s = time.monotonic() - min(entry.age_s, AGE_MOST_S)
        known = Known(entry.packet_id, entry.digest, received_s)
        if reply is not None and (entry.published or self._topics.is_shared(entry.topic)):
            known.reply = reply  # a shared one is told where the broker gives it to us again
            self._known.add((entry.topic, entry.id), known)
            return
        left_s = None if entry.expires_in_s is None else max(0.0, entry.expires_in_s - entry.age_s)
        heard = Heard.model_validate_json(entry.payload).heard if self._topics.is_audio(entry.topic) else None
        command = parse_command(entry.payload) if heard is None else Command(text=heard)
        request = self._request(command, entry.id, entry.topic, self._entry_address(entry), left_s)
        request.origin, request.on_disk = self._topics.origin(entry.topic), True
        request.digest, request.heard, known.request = entry.digest, heard, request
        self._known.add(request.key, known)
        log.info("taken up again", extra={"id": request.id})
        self._requests[request.key] = request
        if reply is not None:
            request.task = self._spawn(self._give(request, known, reply))
        else:
            request.task = self._spawn(self._carry_out(request, known))

    async def _tell_lost(self, entry: Entry) -> None:
        if not entry.published:
            lost = Internal("The command was damaged on this board's disk while it waited. Send it again.")
            await self._send(refusal(entry.id, lost), self._entry_address(entry))
        await self._inbox.published(entry.topic, entry.id)

    def _entry_address(self, entry: Entry) -> Address:
        topic = self._topics.reply(self._topics.origin(entry.topic))
        return Address(topic, entry.response_topic, entry.correlation_data)

    def _request(
        self, command: Command, request_id: str, topic: str, address: Address | None, expires_in_s: float | None
    ) -> Request:
        arrived_s = time.monotonic()
        return Request(
            command=command,
            id=request_id,
            topic=topic,
            address=address,
            deadline=Deadline.of(command, expires_in_s, self._settings.chat.timeout_s, arrived_s),
            arrived_s=arrived_s,
        )

    async def _carry_out(self, request: Request, known: Known) -> None:
        if request.shared is not None and request.shared.is_begun:
            await self._give(request, known, self._answering.interrupted(request))
            return
        try:
            reply, generation = await self._answering.reply_to(request)
        except LetGo:
            self._known.forget(request.key)
            del self._requests[request.key]
            return
        await self._give(request, known, reply, generation)

    async def _give(self, request: Request, known: Known, reply: Reply, generation: Generation | None = None) -> None:
        """Publishes the one Reply."""
        self._count(request, reply, generation)
        is_refused = _is_busy(reply) and request.shared is None
        keeping = keep_reply(self._inbox, request, reply.to_payload(), surely=is_refused)
        if await self._note(request, keeping) and is_refused:
            request.acknowledge()
            async with self._refusals.turn(request.sender):
                await self._tell(request, known, reply)
        else:
            await self._tell(request, known, reply)

    async def _tell(self, request: Request, known: Known, reply: Reply) -> None:
        if request.shared is not None and request.address is not None:
            await self._give_as_it_is_held(reply, request, request.address)
        elif request.address is not None:
            await self._send(reply, request.address)
        self._speak(reply, request)
        known.reply, known.request = reply, None
        del self._requests[request.key]
        for shared, address in request.shared_repeats:
            await self._give_shared(reply, shared, address)
        for delivery, address in request.repeats:
            await self._publish(reply, address, delivery)
        await self._note(request, self._inbox.published(request.topic, request.id))
        if request.shared is None:
            request.acknowledge()  # last of all: a broker gives no more than the disk can follow

    def _count(self, request: Request, reply: Reply, generation: Generation | None) -> None:
        self._measurements.record(measured(reply, generation, request.scores))
        log.info("answered", extra=summary(reply))
        if request.stream is not None:
            request.stream.end()

    async def _note(self, request: Request, writing: Coroutine[None, None, None]) -> bool:
        """Whether it is written. A disk that fails costs the memory of this command, not its Reply."""
        try:
            await writing
        except sqlite3.Error as error:
            log.error("the inbox can't be written; free some space", extra={"id": request.id, "cause": str(error)})
            return False
        return True

    async def _publish(self, reply: Reply, address: Address, delivery: Delivery) -> None:
        await self._send(reply, address)
        delivery.acknowledge()

    async def _send(self, reply: Reply, address: Address) -> None:
        """To a Response Topic only where no device listens: one may have come since, or was not known at the start."""
        if address.response_topic is not None:
            await self._fulfilling.home_is_known()
            if self._topics.refuses_response(address.response_topic, self._is_device_topic):
                address = Address(address.topic)
        await publish_reply(self._broker, reply, address)

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a command's task failed", exc_info=error)


def _is_busy(reply: Reply) -> bool:
    return reply.error is not None and reply.error.code == Busy.code
