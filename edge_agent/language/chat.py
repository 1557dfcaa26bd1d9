"""Talk: what the model is given to answer a person, and within which limits."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from edge_agent.inference import ChatMessage, Generation, InferenceWorker, Sampling
from edge_agent.messages import Command
from edge_agent.settings import ChatSettings


@dataclass(frozen=True)
class Turn:
    """A question and its answer, earlier in a conversation."""

    question: str
    answer: str


class Chat:
    """Answers with the model. The worker trims what does not fit the context, the oldest turns first."""

    def __init__(self, settings: ChatSettings, worker: InferenceWorker) -> None:
        self._settings, self._worker = settings, worker

    async def answer(self, command: Command, earlier: Iterable[Turn], on_text: Callable[[str], None]) -> Generation:
        """Calls `on_text` with each piece of the answer. Raises what the worker raises: CommandErrors."""
        return await self._worker.generate(
            self._messages(command, earlier), self._sampling(command), command.schema_, on_text
        )

    def _messages(self, command: Command, earlier: Iterable[Turn]) -> tuple[ChatMessage, ...]:
        system = self._settings.system_prompt if command.system is None else command.system
        messages = [ChatMessage(role="system", content=system)] if system else []
        for turn in earlier:
            messages.append(ChatMessage(role="user", content=turn.question))
            messages.append(ChatMessage(role="assistant", content=turn.answer))
        return (*messages, ChatMessage(role="user", content=command.text))

    def _sampling(self, command: Command) -> Sampling:
        """The command's wishes, within the ceilings. A seed is drawn here, so that a second try says the same."""
        limits = self._settings
        temperature = limits.temperature if command.temperature is None else command.temperature
        return Sampling(
            max_tokens=min(command.max_tokens or limits.max_tokens, limits.max_tokens_ceiling),
            temperature=min(temperature, limits.temperature_ceiling),
            top_p=command.top_p or limits.top_p,
            seed=random.getrandbits(32) if command.seed is None else command.seed,
            stop=command.stop,
        )
