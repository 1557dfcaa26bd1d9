"""How likely continuations of one text are: for choosing among a few without generating anything."""

from __future__ import annotations

import time

from .failures import RequestError
from .protocol import Continuation, Score, Scored
from .sequence import Sequence, shared_prefix
from .vocab import Vocab


class Scorer:
    """Scores on the sequence that answers, too: the text that all continue is read once, and stays while it fits."""

    def __init__(self, vocab: Vocab, sequence: Sequence, context: int) -> None:
        self._vocab, self._sequence, self._context = vocab, sequence, context
        self._start = [vocab.bos] if vocab.adds_bos and vocab.bos >= 0 else []

    def score(self, request: Score) -> Scored:
        """Raises RequestError (too_large), and what the sequence raises."""
        began_s = time.monotonic()
        whole = [self._tokens(request.prompt, one) for one in request.continuations]
        self._check(max(len(before) + len(text) for before, text in whole))
        first, last = min(before for before, _ in whole), max(before for before, _ in whole)
        common = first[: shared_prefix(first, last)]  # in order: what these two share, all between them do
        cached = self._sequence.keep(common) if common else 0
        self._sequence.decode(common[cached:])
        logprobs = tuple(self._sequence.logprob(before, text) for before, text in whole)
        return Scored(
            id=request.id,
            logprobs=logprobs,
            prompt_tokens=len(common) + sum(len(before) - len(common) + len(text) for before, text in whole),
            cached_tokens=cached,
            prompt_ms=(time.monotonic() - began_s) * 1000,
        )

    def _tokens(self, prompt: str, one: Continuation) -> tuple[list[int], list[int]]:
        """What stands before, and the text: tokenized in one go where no token spans both, as text is read."""
        before = [*self._start, *self._vocab.tokenize(prompt + one.given)]
        whole = [*self._start, *self._vocab.tokenize(prompt + one.given + one.text)]
        if whole[: len(before)] == before and len(whole) > len(before):
            return before, whole[len(before) :]
        return before, self._vocab.tokenize(one.text)

    def _check(self, longest: int) -> None:
        if longest > self._context:
            raise RequestError(
                "too_large",
                f"The question is too long: it takes {longest} tokens and the model reads {self._context}. "
                "Ask in fewer words, or raise inference.context.",
            )
