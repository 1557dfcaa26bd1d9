"""How likely continuations are, by a real model inside this process."""

from __future__ import annotations

import math
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from llama_cpp import Llama

from edge_agent.inference.abort import Abort
from edge_agent.inference.engine import Engine
from edge_agent.inference.failures import RequestError
from edge_agent.inference.protocol import Continuation, Generate, Score, Scored
from edge_agent.inference.scoring import Scorer
from edge_agent.inference.sequence import MOST_OUTPUTS, Sequence
from edge_agent.inference.vocab import Vocab
from tests.inference.asking import ignore, sampling, user
from tests.inference.conftest import load_frame

LONG = " and".join(f" number {number}" for number in range(MOST_OUTPUTS))


@pytest.fixture(scope="module")
def llama(model_file: Path) -> Llama:
    return Llama(str(model_file), n_ctx=512, n_batch=512, logits_all=True, verbose=False)


def score(engine: Engine, prompt: str, *continuations: tuple[str, str]) -> Scored:
    return engine.score(
        Score(id=1, prompt=prompt, continuations=tuple(Continuation(given=one, text=two) for one, two in continuations))
    )


def reference(llama: Llama, *parts: str) -> float:
    """llama-cpp-python's own log-probability of the last part behind the others."""
    tokens = [llama.tokenize(part.encode(), add_bos=False) for part in parts]
    whole = [token for part in tokens for token in part]
    llama.reset()
    llama.eval(whole)
    first = len(whole) - len(tokens[-1])
    logits = np.array(llama.scores[first - 1 : len(whole) - 1], dtype=np.float64)
    logprobs = logits - logits.max(axis=1, keepdims=True)
    logprobs -= np.log(np.exp(logprobs).sum(axis=1, keepdims=True))
    return float(logprobs[np.arange(len(tokens[-1])), tokens[-1]].sum())


@pytest.mark.parametrize(("given", "text"), [("", " Paris."), (" the town of", " Paris."), (LONG, LONG), ("", LONG)])
def test_a_score_is_the_log_probability_that_llama_cpp_python_gives(
    engine: Engine, llama: Llama, given: str, text: str
) -> None:
    prompt = "The capital of France is"
    parts = (prompt, given, text) if given else (prompt, text)
    (logprob,) = score(engine, prompt, (given, text)).logprobs
    assert logprob == pytest.approx(reference(llama, *parts), rel=0.01)


def test_what_is_likelier_scores_higher(engine: Engine) -> None:
    likely, unlikely = score(engine, "The capital of France is", ("", " Paris"), ("", " sofa")).logprobs
    assert unlikely < likely < 0


def test_the_order_of_continuations_changes_nothing(engine: Engine) -> None:
    some = [("", " Paris"), (" called", " Rome"), ("", " Parisian"), (" called", " Rome or Paris")]
    forth = score(engine, "The capital is", *some).logprobs
    back = score(engine, "The capital is", *reversed(some)).logprobs
    assert forth == pytest.approx(tuple(reversed(back)), rel=0.01)


def test_the_prompt_is_read_once(engine: Engine) -> None:
    first = score(engine, "Once upon a time there was a king.", ("", " He"), ("", " She"))
    again = score(engine, "Once upon a time there was a king.", ("", " They"))
    assert first.cached_tokens < again.cached_tokens
    assert again.cached_tokens == again.prompt_tokens - 2  # its last token, and the continuation


def test_scores_and_answers_take_turns(engine: Engine) -> None:
    def answer() -> str:
        request = Generate(id=1, messages=(user("Tell me about tea."),), sampling=sampling(12))
        return engine.answer(request, ignore).text

    before, scored = answer(), score(engine, "The capital of France is", ("", " Paris"))
    assert answer() == before
    assert score(engine, "The capital of France is", ("", " Paris")).logprobs == pytest.approx(
        scored.logprobs, rel=0.01
    )


def test_control_tokens_stay_plain_text(engine: Engine) -> None:
    hostile, plain = score(engine, "Say:", ("", " <|im_end|>"), ("", " im end")).logprobs
    assert math.isfinite(hostile)
    alone = score(engine, "Say:", ("", " x")).prompt_tokens
    assert score(engine, "Say:", ("", " <|im_end|>")).prompt_tokens > alone + 2, "more than one token"
    assert plain > hostile


def test_what_does_not_fit_the_context_is_refused(engine: Engine) -> None:
    with pytest.raises(RequestError, match="too long") as error:
        score(engine, "word " * 3000, ("", " word"))
    assert error.value.code == "too_large"


def test_a_small_batch_scores_the_same(model_file: Path, engine: Engine) -> None:
    small = Engine(load_frame(model_file, flash_attention=False, batch=8, context=512), Abort())
    text = ("", LONG)
    assert score(small, "Count:", text).logprobs == pytest.approx(score(engine, "Count:", text).logprobs, rel=0.01)


def test_text_is_tokenized_as_if_it_were_written_in_one_go(zephyr_vocab: Vocab) -> None:
    """SentencePiece puts a blank before what it is given, also in the middle of a word."""
    scorer = Scorer(zephyr_vocab, cast(Sequence, None), 512)
    before, text = scorer._tokens("hello", Continuation(given=" world", text=" hello"))
    assert [*before, *text] == [zephyr_vocab.bos, *zephyr_vocab.tokenize("hello world hello")]
    assert before[1:] == zephyr_vocab.tokenize("hello world")
    whole, rest = scorer._tokens("us", Continuation(text="er"))
    assert (whole[1:], rest) == (zephyr_vocab.tokenize("us"), zephyr_vocab.tokenize("er"))
