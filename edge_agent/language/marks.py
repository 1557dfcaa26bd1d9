"""What each stretch of a sentence may mean, before it is known what it means together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from edge_agent.language.lexicon import Lexicon, Meaning
from edge_agent.language.spaced import written_together
from edge_agent.language.vocabulary import Vocabulary
from edge_agent.language.words import Word, spoken

BREAK = Meaning("break", "break")
NUMBER = Meaning("number", "number")
LONGEST_NAME = 8  # words
SHORTEST_PART = 4  # letters
SHORTEST_PUT_TOGETHER = 6
STANDS_ALONE = frozenset({"yes", "never_mind"})
SAID_BESIDE = frozenset({"filler", "fix", "request", "want", *STANDS_ALONE})
MOST_BETWEEN = 4  # words
SENTENCE_ENDS = frozenset(".!?;:")
VALUE_TABLES = ("level", "color", "kelvin", "hvac", "tint", "factor")
PREPOSED = ("cue", *VALUE_TABLES, "quantity", "scope", "attribute", "little")


@dataclass(frozen=True)
class Mark:
    """`home`: canonical words that this home knows. `unknown`: a word that neither it nor the language does."""

    words: tuple[Word, ...]
    meanings: tuple[Meaning, ...] = ()
    home: tuple[str, ...] = ()
    unknown: str | None = None
    option: str | None = None  # as the device spells it

    @property
    def said(self) -> str:
        return spoken(word.text for word in self.words)

    @property
    def said_plainly(self) -> str:
        return " ".join(word.plain for word in self.words)

    @property
    def number(self) -> float | None:
        return self.words[0].number if len(self.words) == 1 else None

    def value(self, *types: str) -> str | None:
        """What it means in the first of these tables that it stands in."""
        for type_ in types:
            for meaning in self.meanings:
                if meaning.type == type_:
                    return meaning.value
        return None

    def has(self, type_: str, value: str | None = None) -> bool:
        return any(one.type == type_ and (value is None or one.value == value) for one in self.meanings)


def marks(words: Sequence[Word], lexicon: Lexicon, vocabulary: Vocabulary) -> list[Mark]:
    """The sentence from left to right; of the phrases that begin at a word the longest counts."""
    found: list[Mark] = []
    words = [part for word in words for part in _parted(word, lexicon, vocabulary)]
    words = written_together(words, lexicon, vocabulary)
    at = 0
    while at < len(words):
        mark = _mark_at(words, at, lexicon, vocabulary)
        found.append(mark)
        at += len(mark.words)
    found = [_as_thing(found, at, lexicon) for at in range(len(found))]
    found = _heard_loosely(found, lexicon, vocabulary)
    return _with_whole_verbs(found, lexicon) if lexicon.separable else found


def _as_thing(found: Sequence[Mark], at: int, lexicon: Lexicon) -> Mark:
    """ "Das Auto" is a car, "auf Auto" a mode."""
    mark = found[at]
    if mark.home or len(mark.words) > 1 or mark.said_plainly not in lexicon.nouns:
        return mark
    is_thing = at > 0 and (found[at - 1].has("article") or found[at - 1].has("clitic"))
    return Mark(mark.words, unknown=mark.said_plainly) if is_thing else mark


def _heard_loosely(found: list[Mark], lexicon: Lexicon, vocabulary: Vocabulary) -> list[Mark]:
    """Where something of this home is named: `onn`, `teh`, `the rmostat`."""
    if any(mark.unknown for mark in found):
        found = _put_together(found, lexicon, vocabulary)
    if not any(mark.home for mark in found):
        return found
    result = list(found)
    for at, mark in enumerate(found):
        if mark.unknown is not None and not (at and found[at - 1].has("article")):
            meanings = lexicon.near(mark.unknown)
        else:
            continue
        if meanings:
            result[at] = Mark(mark.words, meanings)
    return result


def _run_together(word: str, lexicon: Lexicon, vocabulary: Vocabulary) -> tuple[str, ...]:
    """`livingroom` where there is a living room."""
    for at in range(SHORTEST_PART, len(word) - SHORTEST_PART + 1):
        two = lexicon.canonical(word[:at]), lexicon.canonical(word[at:])
        if vocabulary.words.issuperset(two):
            return two
    return ()


def with_ends(found: list[Mark]) -> list[Mark]:
    """What is no preposition, because nothing stands behind it: "the awning in", `lamp of`."""
    result = list(found)
    for at in range(1, len(found)):
        ends = at + 1 == len(found) or found[at + 1].has("break") or found[at + 1].has("join")
        if ends and found[at - 1].home and (cue := found[at].value("at_end")) is not None:
            result[at] = Mark(found[at].words, (Meaning("cue", cue),))
    return result


def _put_together(found: list[Mark], lexicon: Lexicon, vocabulary: Vocabulary) -> list[Mark]:
    """A name in two of which the first means something by itself: `the rmostat`."""
    result: list[Mark] = []
    for mark in found:
        before = result[-1] if result else None
        if mark.unknown is not None and before is not None and len(before.words) == 1 and not before.home:
            both = before.said_plainly + mark.unknown
            known = lexicon.canonical(both)
            known = known if known in vocabulary.words else ""
            if len(both) >= SHORTEST_PUT_TOGETHER and known:
                result[-1] = Mark((*before.words, *mark.words), home=(known,))
                continue
        result.append(mark)
    return result


def _with_whole_verbs(found: list[Mark], lexicon: Lexicon) -> list[Mark]:
    """`schließ … ab`: verb and particle both mean what they mean together. So do `Ton … aus`, whatever the verb."""
    result = list(found)
    spoken_for: dict[int, tuple[Meaning, ...]] = {}
    starts = [at for at, mark in enumerate(found) if mark.said_plainly in lexicon.separable_starts]
    for at in sorted(starts, key=lambda at: _is_verb(found[at])):
        place = next(_particles(found, at, lexicon), None)
        if place is None or (_is_verb(found[at]) and _has_verb_before(found, at)):
            continue
        pair = found[at].said_plainly, found[place].said_plainly
        meanings = spoken_for.setdefault(place, lexicon.separable[pair])
        for one in (at, place) if _is_verb(found[at]) else (place,):
            result[one] = found[one] if found[one].home else replace(found[one], meanings=meanings)
    return result


def _is_verb(mark: Mark) -> bool:
    return mark.has("cue") or mark.has("not")


def _has_verb_before(found: Sequence[Mark], at: int) -> bool:
    for mark in reversed(found[:at]):
        if mark.has("break") or mark.has("join"):
            return False
        if mark.has("cue"):
            return True
    return False


def _particles(found: Sequence[Mark], at: int, lexicon: Lexicon) -> Iterator[int]:
    """Where the particle may stand: at the end of the clause, or of a later one while nothing else is to be done."""
    done = False
    for place in range(at + 1, len(found)):
        mark = found[place]
        is_other_verb = mark.said_plainly in lexicon.separable_starts and _is_verb(mark)
        if mark.words[0].plain in SENTENCE_ENDS or is_other_verb or (done and (mark.has("break") or mark.has("join"))):
            return
        if (found[at].said_plainly, mark.said_plainly) in lexicon.separable and _ends_clause(found, place):
            yield place
        says_what = (mark.has("cue") and not mark.home) or mark.number is not None
        done = done or says_what or any(map(mark.has, VALUE_TABLES))


def _ends_clause(found: Sequence[Mark], at: int) -> bool:
    """A preposition has its noun or number behind it, and so has an article."""
    if found[at].home and found[at - 1].has("article"):
        return False
    following = found[at + 1] if at + 1 < len(found) else None
    if following is None:
        return True
    if following.number is not None or any(map(following.has, PREPOSED)):
        return False
    stands_before_nouns = found[at].home or found[at].has("place") or found[at].has("article")
    return not (stands_before_nouns and (following.home or following.unknown or following.has("article")))


def _parted(word: Word, lexicon: Lexicon, vocabulary: Vocabulary) -> tuple[Word, ...]:
    """A verb apart from the pronouns that are written on to it."""
    if (word.plain,) in lexicon.phrases or _known(word, lexicon, vocabulary):
        return (word,)
    return tuple(Word(part, word.text) for part in lexicon.parted(word.plain)) or (word,)


def _mark_at(words: Sequence[Word], at: int, lexicon: Lexicon, vocabulary: Vocabulary) -> Mark:
    word = words[at]
    if word.is_break:
        return Mark((word,), (BREAK,))
    name = _longest_name(words, at, lexicon, vocabulary)
    meant = _meant(words, at, lexicon, vocabulary)
    if meant is not None and len(meant.words) > len(name):
        return meant
    phrase = _longest_phrase(words, at, lexicon)
    wish = _loose_wish(words, at, lexicon)
    if wish is not None and len(wish.words) > max(len(phrase), len(name)):
        return wish
    if name and len(name) >= len(phrase):
        return Mark(name, home=tuple(map(lexicon.canonical, lexicon.without_particles(_plain(name)))))
    if len(phrase) > 1:
        return Mark(phrase, lexicon.phrases[_plain(phrase)])
    if (option := vocabulary.options.get((lexicon.canonical(word.plain),))) is not None and not phrase:
        return Mark((word,), option=option)
    meanings = lexicon.phrases.get(_plain(phrase), ()) if phrase else ()
    if word.number is not None:
        return Mark((word,), (NUMBER, *meanings), home=_known(word, lexicon, vocabulary))
    home = _known(word, lexicon, vocabulary)
    if meanings or home:
        return Mark((word,), meanings, home)
    return _loosely(words, at, lexicon, vocabulary)


def _meant(words: Sequence[Word], at: int, lexicon: Lexicon, vocabulary: Vocabulary) -> Mark | None:
    """A thing or place by another name than its own, where this home has it and nothing of that name."""
    for length in range(min(lexicon.longest, len(words) - at), 0, -1):
        stretch = tuple(words[at : at + length])
        for meaning in lexicon.means.get(_plain(stretch), ()):
            home = vocabulary.canonical(meaning.value)
            known_itself = length == 1 and lexicon.canonical(stretch[0].plain) in vocabulary.words
            if home and vocabulary.has_name(frozenset(home)) and not known_itself:
                return Mark(stretch, home=home)
    return None


def _plain(words: Sequence[Word]) -> tuple[str, ...]:
    return tuple(word.plain for word in words)


def _known(word: Word, lexicon: Lexicon, vocabulary: Vocabulary) -> tuple[str, ...]:
    canonical = lexicon.canonical(word.plain)
    if canonical in vocabulary.words:
        return (canonical,)
    parts = vocabulary.parts(lexicon.stem(word.plain))
    return parts if parts and parts[0] in vocabulary.words else ()


def _longest_name(words: Sequence[Word], at: int, lexicon: Lexicon, vocabulary: Vocabulary) -> tuple[Word, ...]:
    for length in range(min(LONGEST_NAME, len(words) - at), 1, -1):
        stretch = tuple(words[at : at + length])
        if stretch[0].plain in lexicon.particles or _begins_phrase(words, at + length - 1, lexicon):
            continue
        if tuple(map(lexicon.canonical, lexicon.without_particles(_plain(stretch)))) in vocabulary.phrases:
            return stretch
    return ()


def _begins_phrase(words: Sequence[Word], at: int, lexicon: Lexicon) -> bool:
    """ "The lamp a bit …" is not lamp A."""
    return words[at].plain in lexicon.particles and len(_longest_phrase(words, at, lexicon)) > 1


def _longest_phrase(words: Sequence[Word], at: int, lexicon: Lexicon) -> tuple[Word, ...]:
    for length in range(min(lexicon.longest, len(words) - at), 0, -1):
        stretch = tuple(words[at : at + length])
        meanings = lexicon.phrases.get(_plain(stretch))
        if meanings and (length == 1 or _may_stand_here(meanings, words, at + length, lexicon)):
            return stretch
    return ()


def _may_stand_here(meanings: Sequence[Meaning], words: Sequence[Word], end: int, lexicon: Lexicon) -> bool:
    """`mach das` is a yes, and so is `mach das bitte`, but not `mach das aus`."""
    if not all(one.type in STANDS_ALONE for one in meanings):
        return True
    while end < len(words) and not words[end].is_break:
        following = _longest_phrase(words, end, lexicon)
        types = {one.type for one in lexicon.phrases.get(_plain(following), ())}
        if "join" in types:
            return True
        if not types & SAID_BESIDE or types & {"cue", "not", "article"}:
            return False
        end += len(following)
    return True


def _loose_wish(words: Sequence[Word], at: int, lexicon: Lexicon) -> Mark | None:
    """How it is, with words that only say how much: `mir ist heute echt kalt`, `j'ai vraiment froid`."""
    found = (
        (end, lexicon.phrases[phrase])
        for phrase in lexicon.wishes.get(words[at].plain, ())
        if (end := _end_of(phrase, words, at, lexicon.between))
    )
    end, meanings = max(found, key=lambda one: one[0], default=(0, ()))
    return Mark(tuple(words[at:end]), meanings) if end else None


def _end_of(phrase: Sequence[str], words: Sequence[Word], at: int, between: frozenset[str]) -> int:
    """Where the phrase ends, with nothing but `between` among its words; 0: it does not stand here."""
    skipped = 0
    for part in phrase:
        while at < len(words) and words[at].plain != part and words[at].plain in between and skipped < MOST_BETWEEN:
            at, skipped = at + 1, skipped + 1
        if at == len(words) or words[at].plain != part:
            return 0
        at += 1
    return at


def _loosely(words: Sequence[Word], at: int, lexicon: Lexicon, vocabulary: Vocabulary) -> Mark:
    """A word that nobody knows: with the next one it may be a known one (`thermos tat`), or it is mistyped."""
    word = words[at]
    if at + 1 < len(words) and not words[at + 1].is_break and words[at + 1].number is None:
        both = word.plain + words[at + 1].plain
        canonical = lexicon.canonical(both)
        if canonical in vocabulary.words:
            return Mark(tuple(words[at : at + 2]), home=(canonical,))
        is_cue = any(one.type == "cue" for one in lexicon.phrases.get((words[at + 1].plain,), ()))
        next_says_nothing = not is_cue and not _known(words[at + 1], lexicon, vocabulary)
        near = vocabulary.near(both) if len(both) > 4 and next_says_nothing else None
        if near is not None and len(near) > 3:
            return Mark(tuple(words[at : at + 2]), home=(near,))
    # "Coffee", where there is no coffee machine, is not "cover".
    is_spelled_right = (word.plain,) in lexicon.means or word.plain in lexicon.ordinary
    near = None if is_spelled_right else vocabulary.near(lexicon.canonical(word.plain))
    if near is None and (two := _run_together(word.plain, lexicon, vocabulary)):
        return Mark((word,), home=two)
    if near is not None:
        return Mark((word,), lexicon.near(word.plain), home=(near,))
    return Mark((word,), unknown=word.plain)
