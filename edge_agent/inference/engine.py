"""Answers one request at a time with a loaded model."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .abort import Abort
from .constraint import Constraint, Grammars, closing_tokens
from .failures import RequestError
from .model import Model
from .prompt import Prompt, Prompter
from .protocol import Finished, Generate, Load, Loaded, Score, Scored
from .sampling import Sampler
from .scoring import Scorer
from .sequence import Aborted, DecodeFailed, Sequence
from .text import AnswerText


class Engine:
    """A model that answers. `abort` stops the request that is running. Raises LoadError."""

    def __init__(self, load: Load, abort: Abort) -> None:
        self._model = Model(load)
        vocab, loaded = self._model.vocab, self._model.loaded
        self._prompter = Prompter(vocab, self._model.chat_template, loaded.context)
        self._sequence = Sequence(self._model.context, vocab.size, loaded.batch, abort)
        self._scorer = Scorer(vocab, self._sequence, loaded.context)
        self._grammars: Grammars | None = None

    @property
    def loaded(self) -> Loaded:
        return self._model.loaded

    @property
    def progress(self) -> int:
        """Grows with every decoded piece."""
        return self._sequence.pieces

    def use_threads(self, threads: int, threads_batch: int) -> None:
        """From the next decode on; may be called while one runs."""
        self._model.use_threads(threads, threads_batch)

    def answer(self, request: Generate, emit: Callable[[str], None]) -> Finished:
        """Generate an answer, giving its text to `emit` as it comes. Raises RequestError."""
        with self._failures():
            constraint = self._constraint(request)
            prompt = self._prompter.prompt(request.messages, request.sampling.max_tokens, request.said)
            with Sampler(request.sampling) as sampler:
                return self._answering(request, prompt, constraint, sampler, emit).run()

    def score(self, request: Score) -> Scored:
        """How likely the continuations are. Raises RequestError."""
        with self._failures():
            return self._scorer.score(request)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """What can go wrong with the sequence, as RequestError."""
        try:
            yield
        except Aborted as error:
            raise RequestError("cancelled", "The request was cancelled.") from error
        except DecodeFailed as error:
            self._sequence.clear()
            raise RequestError(
                "internal", f"The model failed: {error}. Ask again, or run `edge-agent models verify`."
            ) from error

    def _constraint(self, request: Generate) -> Constraint | None:
        if request.json_schema is None:
            return None
        self._grammars = self._grammars or Grammars(self._model.vocab)
        return self._grammars.constraint(request.json_schema, request.said)

    def _answering(
        self,
        request: Generate,
        prompt: Prompt,
        constraint: Constraint | None,
        sampler: Sampler,
        emit: Callable[[str], None],
    ) -> _Answering:
        # A stop string would cut JSON off in the middle; the grammar says where it ends.
        stops = () if constraint else (*request.sampling.stop, *self._prompter.stops)
        text = AnswerText(stops, request.said)
        ends = self._prompter.stop_tokens
        return _Answering(self._model, self._sequence, sampler, prompt, constraint, text, ends, request, emit)


class _Answering:
    """One answer while it is made."""

    def __init__(
        self,
        model: Model,
        sequence: Sequence,
        sampler: Sampler,
        prompt: Prompt,
        constraint: Constraint | None,
        text: AnswerText,
        stop_tokens: frozenset[int],
        request: Generate,
        emit: Callable[[str], None],
    ) -> None:
        self._model, self._sequence, self._sampler = model, sequence, sampler
        self._prompt, self._constraint, self._text = prompt, constraint, text
        self._stop_tokens, self._request, self._emit = stop_tokens, request, emit
        self._left = prompt.max_tokens
        self._closing_below = closing_tokens(request.sampling.max_tokens)
        self._stopped = False

    def run(self) -> Finished:
        """The answer, from its first token to its last."""
        started = time.monotonic()
        cached = self._sequence.keep(self._prompt.tokens)
        pending = self._prompt.tokens[cached:] + self._forced()
        first: float | None = None
        while not self._is_over():
            self._sequence.decode(pending)
            first = first or time.monotonic()
            pending = self._next_tokens()
        ended = time.monotonic()
        self._give(self._text.finish())
        return self._finished(cached, (first or ended) - started, ended - (first or ended))

    def _next_tokens(self) -> list[int]:
        """The next token and those that it forces; none where the model has ended its answer."""
        logits = self._sequence.logits()
        if self._constraint:
            self._constraint.mask(logits, closing=self._left <= self._closing_below)
        token = self._sampler.sample(self._model.context)
        if self._model.vocab.is_end(token) or token in self._stop_tokens:
            self._stopped = True
            return []
        self._take([token])
        if not self._constraint:
            return [token]
        self._constraint.take([token])
        return [token, *self._forced()]

    def _forced(self) -> list[int]:
        tokens = self._constraint.forced() if self._constraint else []
        self._take(tokens)
        return tokens

    def _take(self, tokens: list[int]) -> None:
        for token in tokens:
            self._give(self._text.feed(self._model.vocab.piece(token)))
        self._left -= len(tokens)

    def _give(self, text: str) -> None:
        if text:
            self._emit(text)

    def _is_over(self) -> bool:
        if self._stopped or self._text.stopped or self._left <= 0:
            return True
        if self._constraint is None:
            return False
        return self._constraint.is_over or (self._left <= self._closing_below and self._constraint.is_complete)

    def _finished(self, cached: int, prompt_s: float, generation_s: float) -> Finished:
        if self._constraint and (not self._constraint.is_complete or self._left < 0):
            raise RequestError(
                "invalid_request", "The answer did not fit: raise max_tokens, or bound the schema's strings and arrays."
            )
        ended_itself = self._stopped or self._text.stopped or self._constraint is not None
        return Finished(
            id=self._request.id,
            text=self._text.text,
            finish_reason="stop" if ended_itself else "length",
            prompt_tokens=len(self._prompt.tokens) - self._prompt.said_tokens,
            cached_tokens=min(cached, len(self._prompt.tokens) - self._prompt.said_tokens),
            completion_tokens=self._prompt.said_tokens + self._prompt.max_tokens - self._left,
            prompt_ms=prompt_s * 1000,
            generation_ms=generation_s * 1000,
        )
