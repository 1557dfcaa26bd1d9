"""The engine with a real model, inside this process."""

from __future__ import annotations

import mmap
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from llama_cpp import Llama

from edge_agent.inference.abort import Abort
from edge_agent.inference.engine import Engine
from edge_agent.inference.failures import LoadError, RequestError
from edge_agent.inference.model import kv_cache_bytes, release_pages
from edge_agent.inference.protocol import ChatMessage, Finished, Generate
from edge_agent.inference.sequence import Sequence
from tests.inference.asking import LONG_STORY, assistant, ignore, sampling, system, user
from tests.inference.conftest import load_frame


@pytest.fixture(scope="module")
def llama(model_file: Path) -> Llama:
    return Llama(str(model_file), n_ctx=2048, n_batch=128, verbose=False)


def ask(
    engine: Engine, *messages: ChatMessage, said: str = "", emit: Callable[[str], None] = ignore, **how: object
) -> Finished:
    request = Generate(id=1, messages=messages, sampling=sampling(**how), said=said)  # type: ignore[arg-type]
    return engine.answer(request, emit)


def forget(engine: Engine) -> None:
    """So that the next prompt is read in the same pieces as in a fresh process: sums differ in their last bits else."""
    engine._sequence.clear()


@pytest.mark.parametrize(("temperature", "seed"), [(0.0, 1), (0.8, 1), (0.8, 4_000_000_000), (1.5, 7)])
def test_a_seed_gives_the_text_that_llama_cpp_python_gives(
    engine: Engine, llama: Llama, temperature: float, seed: int
) -> None:
    forget(engine)
    llama.reset()
    prompt = (
        "<|im_start|>system\nbe kind<|im_end|>\n<|im_start|>user\nTell me about tea.<|im_end|>\n<|im_start|>assistant\n"
    )
    tokens = llama.tokenize(prompt.encode(), add_bos=False, special=True)
    theirs = llama.create_completion(tokens, max_tokens=40, temperature=temperature, top_p=0.9, seed=seed)
    ours = ask(
        engine,
        system("be kind"),
        user("Tell me about tea."),
        max_tokens=40,
        temperature=temperature,
        top_p=0.9,
        seed=seed,
    )
    assert ours.text == theirs["choices"][0]["text"]
    assert (ours.prompt_tokens, ours.finish_reason) == (len(tokens), theirs["choices"][0]["finish_reason"])
    assert ours.completion_tokens == theirs["usage"]["completion_tokens"]


def test_the_pieces_concatenate_to_the_text(engine: Engine) -> None:
    pieces: list[str] = []
    finished = ask(
        engine, user("Write a line of emoji and 日本語."), emit=pieces.append, max_tokens=60, temperature=1.2
    )
    assert len(pieces) > 1
    assert "".join(pieces) == finished.text
    assert "\ufffd" not in finished.text


def test_the_prompt_that_was_read_is_not_read_again(engine: Engine) -> None:
    forget(engine)
    first = ask(engine, user("Tell me about tea."), max_tokens=8)
    again = ask(engine, user("Tell me about tea."), assistant(first.text), user("More."), max_tokens=8)
    assert first.cached_tokens == 0
    assert again.cached_tokens >= first.prompt_tokens
    assert ask(engine, user("Tell me about tea."), max_tokens=8).text == first.text


def test_the_answer_ends_before_a_stop_string_and_says_so(engine: Engine) -> None:
    whole = ask(engine, user(LONG_STORY), max_tokens=40).text
    word = whole.split()[4]
    pieces: list[str] = []
    finished = ask(engine, user(LONG_STORY), emit=pieces.append, max_tokens=40, stop=(word,))
    assert finished.finish_reason == "stop"
    assert finished.text == "".join(pieces) == whole[: whole.index(word)]


def test_max_tokens_ends_the_answer_and_says_so(engine: Engine) -> None:
    finished = ask(engine, user(LONG_STORY), max_tokens=5)
    assert (finished.finish_reason, finished.completion_tokens) == ("length", 5)


def test_an_interrupted_answer_goes_on_behind_what_was_said(engine: Engine) -> None:
    whole = ask(engine, user(LONG_STORY), max_tokens=30)
    said = whole.text[: len(whole.text) // 2]
    pieces: list[str] = []
    again = ask(engine, user(LONG_STORY), said=said, emit=pieces.append, max_tokens=30)
    assert again.text == said + "".join(pieces)
    assert again.completion_tokens <= 30
    assert again.prompt_tokens == whole.prompt_tokens


def test_an_answer_that_was_said_to_its_end_is_finished(engine: Engine) -> None:
    whole = ask(engine, user(LONG_STORY), max_tokens=10)
    again = ask(engine, user(LONG_STORY), said=whole.text, max_tokens=5)
    assert (again.text, again.finish_reason) == (whole.text, "length")


def test_a_cancel_takes_effect_inside_a_piece_of_the_prompt(model_file: Path) -> None:
    abort = Abort()
    engine = Engine(load_frame(model_file, context=2048, batch=2048), abort)
    timer = threading.Timer(0.15, abort.put_up)
    timer.start()
    with pytest.raises(RequestError) as cancelled:
        ask(engine, user("word " * 1900), max_tokens=32)
    assert cancelled.value.code == "cancelled"
    assert engine.progress == 0, "the whole prompt is one piece, and it was not read to its end"
    abort.take_down()
    assert ask(engine, user("Hi."), max_tokens=4).completion_tokens > 0


def test_logits_that_are_no_numbers_cost_one_request(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    decode = Sequence._decode_piece

    def spoiling(self: Sequence, piece: list[int]) -> None:
        decode(self, piece)
        self.logits()[:] = np.nan

    with monkeypatch.context() as patched:
        patched.setattr(Sequence, "_decode_piece", spoiling)
        with pytest.raises(RequestError) as failed:
            ask(engine, user("Hi."))
    assert failed.value.code == "internal"
    assert ask(engine, user("Hi."), max_tokens=4).cached_tokens == 0


def test_what_was_loaded_is_reported(engine: Engine, model_file: Path) -> None:
    loaded = engine.loaded
    assert (loaded.name, loaded.quantization) == (model_file.stem, "Q4_1")
    assert (loaded.parameters, loaded.context, loaded.gpu, loaded.gpu_layers) == (134_515_008, 2048, None, 0)
    assert 90_000_000 < loaded.weights_bytes < model_file.stat().st_size
    assert loaded.kv_bytes == 2 * 30 * 2048 * 3 * 64 * 2
    assert loaded.flash_attention is False


def test_settings_that_the_model_can_not_keep_are_cut(model_file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    engine = Engine(load_frame(model_file, context=16_384, gpu_layers=5, kv_type="q8_0", threads=1), Abort())
    assert (engine.loaded.context, engine.loaded.gpu_layers, engine.loaded.threads) == (8192, 0, 1)
    assert engine.loaded.kv_bytes == 2 * 30 * 8192 * 3 * 64 * 34 // 32
    assert engine.loaded.flash_attention is True
    assert "8192 is used" in (errors := capfd.readouterr().err)
    assert "no GPU" in errors


def test_a_context_that_can_not_be_made_is_a_sentence(model_file: Path) -> None:
    with pytest.raises(LoadError, match=r"no room to run: .*Lower inference\.context"):
        Engine(load_frame(model_file, kv_type="q8_0", flash_attention=False), Abort())


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"not a model at all" * 100, "could not be loaded: .*magic"), (b"", "could not be loaded")],
)
def test_a_file_that_is_no_gguf_is_a_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(content)
    with pytest.raises(LoadError, match=sentence):
        Engine(load_frame(path), Abort())


def test_a_truncated_gguf_is_a_sentence(tmp_path: Path, model_file: Path) -> None:
    path = tmp_path / "half.gguf"
    path.write_bytes(model_file.read_bytes()[: 40 * 2**20])
    with pytest.raises(LoadError, match=r"half\.gguf could not be loaded: .*Run `edge-agent models verify`"):
        Engine(load_frame(path), Abort())


def test_tinyllamas_kv_cache_has_its_published_size() -> None:
    assert kv_cache_bytes(layers=22, kv_heads=4, head_dim=64, context_tokens=2048) == 46_137_344
    with pytest.raises(ValueError, match="holds nothing"):
        kv_cache_bytes(22, 4, 64, 0)


def test_the_pages_of_a_mapped_file_are_given_back_and_its_content_stays(tmp_path: Path) -> None:
    path = tmp_path / "a file with blanks.gguf"
    path.write_bytes(b"x" * 8 * 2**20)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
        assert mapped[:].count(b"x") == 8 * 2**20
        before = resident_file_bytes()
        release_pages(path)
        assert before - resident_file_bytes() >= 8 * 2**20
        assert mapped[-1:] == b"x"


def resident_file_bytes() -> int:
    status = Path("/proc/self/status").read_text()
    return sum(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(("RssFile", "RssShmem")))
