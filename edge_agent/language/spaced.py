"""Words that a language writes as one and a person, or a machine that listened, wrote apart."""

from __future__ import annotations

from collections.abc import Sequence

from edge_agent.language.lexicon import Lexicon
from edge_agent.language.vocabulary import Vocabulary
from edge_agent.language.words import Word

MOST_PARTS = 3


def written_together(words: Sequence[Word], lexicon: Lexicon, vocabulary: Vocabulary) -> list[Word]:
    """`nacht tisch lampe` → `nachttischlampe`, `ab schließen` → `abschließen`; for languages that have compounds."""
    if not lexicon.compounds:
        return list(words)
    result: list[Word] = []
    at = 0
    while at < len(words):
        whole = _whole(words[at : at + MOST_PARTS], lexicon, vocabulary)
        result.append(whole[0])
        at += whole[1]
    return result


def _whole(words: Sequence[Word], lexicon: Lexicon, vocabulary: Vocabulary) -> tuple[Word, int]:
    """The word that the next few are, and how many they are."""
    for length in range(len(words), 1, -1):
        parts = words[:length]
        if any(word.is_break or word.number is not None for word in parts):
            continue
        plain = "".join(word.plain for word in parts)
        if lexicon.canonical(plain) in vocabulary.words or (length == 2 and _is_verb(parts, plain, lexicon)):
            return Word(plain, " ".join(word.text for word in parts)), length
    return words[0], 1


def _is_verb(parts: Sequence[Word], plain: str, lexicon: Lexicon) -> bool:
    particle, verb = (word.plain for word in parts)
    is_known = any(meaning.type == "cue" for meaning in lexicon.phrases.get((plain,), ()))
    return particle in lexicon.verb_particles and (particle, verb) not in lexicon.phrases and is_known
