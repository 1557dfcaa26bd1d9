"""From a sentence that no rule understands to a Plan, with the model choosing among what this home can do.

The sentence's own words choose the devices, and its own numbers the values: the model only says which of at most ten
wishes is meant, or that none is. A small model says one or the other by the place in the list rather than by what was
said. So it is asked twice, the second time with the list turned round, and only what it says both times counts.

Of the 54 wishes in bench/understanding.toml, SmolLM2-135M says the same both times to 33, and 21 of these are right:
little more than chance, and one of the wrong ones opens a water valve. So a person confirms what it understood, unless
the owner has measured a better model and lets it act alone. Numbered wishes (it takes the first, whatever is said), a
yes or no to each (right in 4 of 50) and more examples were no better.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from edge_agent.home import DeviceAction, Entity, EntityAction, Parameter
from edge_agent.inference import ChatMessage, InferenceWorker, Sampling
from edge_agent.language.lexicon import Lexicon, lexicon
from edge_agent.language.plan import Act, Ask, Plan
from edge_agent.language.terms import Devices
from edge_agent.language.vocabulary import EntityWords, Vocabulary
from edge_agent.language.wording import Wording
from edge_agent.language.words import Word

MOST_DEVICES = 4
MOST_OPTIONS = 10
OPTION_CHARACTERS = 80
ANSWER_TOKENS = 128
NONE = "none"

# A clause with one of these tells or asks for something; one that begins with a question is none of ours either.
TALK = frozenset({"story", "talk"})

INSTRUCTION = "Choose what the person wants done at home. If nothing fits, choose none."
EXAMPLES = (
    ("The fan in the study is far too noisy", ("turn on the study fan", "turn off the study fan"), 1),
    ("I could use some light from the porch lamp", ("turn on the porch lamp", "turn off the porch lamp"), 0),
)

VocabularyOf = Callable[[Lexicon], Vocabulary]


class ModelUnderstanding:
    """Understands wishes for devices that are named. `acts_alone`: act on them without asking "Shall I …?" first.

    `vocabulary_of` gives the words of the home as it is now, in a language.
    """

    def __init__(
        self, home: Devices, worker: InferenceWorker, vocabulary_of: VocabularyOf, *, acts_alone: bool = False
    ) -> None:
        self._home, self._worker, self._vocabulary_of = home, worker, vocabulary_of
        self._acts_alone = acts_alone

    async def understand(self, text: str, area: str | None, language: str) -> Plan | None:
        """None where the sentence wishes for nothing here: then it is talk. `area` is an area's own name.

        The model is asked only where the words name a device. Its choice comes as Act or as Ask with the key `confirm`
        and the DeviceActions as `wish`; where it is of two minds, as Ask `what_to_do` or `which_one`.
        Raises what the worker raises: CommandErrors.
        """
        wishes = self.wishes(text, area, language)
        if not wishes:
            return None
        options = self._options(wishes, language)
        orders = dict.fromkeys((tuple(options), tuple(reversed(options))))
        choices = {await self._choice(text, order) for order in orders}
        if len(choices) > 1:
            return _in_doubt(wishes)
        choice = choices.pop()
        return None if choice == NONE else self._decided(options[choice])

    def wishes(self, text: str, area: str | None, language: str) -> list[DeviceAction]:
        """What the sentence may wish for, at most MOST_OPTIONS; none where no device of this home is named."""
        vocabulary = self._vocabulary_of(_lexicon(language))
        words = vocabulary.lexicon.splitter.words(text)
        if _is_talk(words, vocabulary.lexicon):
            return []
        named = _named(words, vocabulary, area)
        if not 1 <= len(named) <= MOST_DEVICES:
            return []
        share = MOST_OPTIONS // len(named)
        return [wish for one in named for wish in _possible(one, words, vocabulary.lexicon)[:share]]

    def _options(self, wishes: Iterable[DeviceAction], language: str) -> dict[str, DeviceAction]:
        """Each wish in words of its own."""
        terms = Wording.of(language).terms
        options: dict[str, DeviceAction] = {}
        for wish in wishes:
            said = " ".join(terms.wish([wish], self._home).split())[:OPTION_CHARACTERS]
            entity = self._home.find(wish.entity_id)
            places = (entity.area if entity is not None else None, wish.entity_id)
            apart = (said, *(f"{said} ({place})" for place in places if place))
            options[next(one for one in apart if one not in options)] = wish
        return options

    async def _choice(self, text: str, options: Sequence[str]) -> str:
        sampling = Sampling(max_tokens=ANSWER_TOKENS, temperature=0, top_p=1, seed=0)
        answer = await self._worker.generate(
            messages(text, options), sampling, {"enum": [*options, NONE]}, lambda piece: None
        )
        return str(json.loads(answer.text))

    def _decided(self, wish: DeviceAction) -> Plan:
        return Act((wish,)) if self._acts_alone else Ask("confirm", {"wish": (wish,)}, (wish.entity_id,))


def messages(text: str, options: Sequence[str]) -> tuple[ChatMessage, ...]:
    """What never changes comes first, so that it stays in the KV cache; the options and the sentence last."""
    said = [ChatMessage(role="system", content=INSTRUCTION)]
    for example, given, chosen in EXAMPLES:
        said.append(ChatMessage(role="user", content=_question(example, given)))
        said.append(ChatMessage(role="assistant", content=json.dumps(given[chosen])))
    return (*said, ChatMessage(role="user", content=_question(text, options)))


def _question(text: str, options: Iterable[str]) -> str:
    return f"Possible: {'; '.join((*options, NONE))}\nThe person says: {text}"


def _in_doubt(wishes: Sequence[DeviceAction]) -> Ask:
    candidates = tuple(dict.fromkeys(wish.entity_id for wish in wishes))
    if len(candidates) == 1:
        return Ask("what_to_do", {"name": candidates[0]}, candidates)
    return Ask("which_one", {}, candidates)


def _lexicon(language: str) -> Lexicon:
    """English where the language has none: the names of devices are the same."""
    found = lexicon(language)
    return _lexicon("en") if found is None else found


def _is_talk(words: Sequence[Word], known: Lexicon) -> bool:
    types = [_types(words, at, known) for at in range(len(words))]
    asked = bool(types) and "question" in types[0] and "request" not in types[0]
    return asked or any(TALK & found for found in types)


def _types(words: Sequence[Word], at: int, known: Lexicon) -> frozenset[str]:
    """Of the phrases that begin there."""
    spelled = tuple(word.plain for word in words[at : at + known.longest])
    phrases = (known.phrases.get(spelled[:length], ()) for length in range(1, len(spelled) + 1))
    return frozenset(meaning.type for meanings in phrases for meaning in meanings)


def _named(words: Iterable[Word], vocabulary: Vocabulary, area: str | None) -> list[EntityWords]:
    """What fits the words best: named whole before named in part before called by its kind, and where they say."""
    spoken = frozenset(vocabulary.lexicon.canonical(word.plain) for word in words)
    scored = [(_fit(one, spoken), one) for one in vocabulary.entities if one.entity.actions]
    best = max((fit for fit, _ in scored), default=(0, 0, 0))
    if not any(best):
        return []
    found = [one for fit, one in scored if fit == best]
    return [one for one in found if area is not None and one.entity.area == area] or found


def _fit(one: EntityWords, spoken: frozenset[str]) -> tuple[int, int, int]:
    """(words of the name said whole, words of the name, words of its place); zeros where only the place is named."""
    whole = one.fully_named_by(spoken)
    if not whole and not one.kinds & spoken:
        return 0, 0, 0
    return whole, len(one.named_by(spoken)) or 1, len(one.area & spoken)


def _possible(one: EntityWords, words: Iterable[Word], known: Lexicon) -> list[DeviceAction]:
    """With the values that the sentence names, then without any."""
    own = {word for name in one.names for word in name}
    said = [word for word in words if known.canonical(word.plain) not in own]
    with_values = [
        DeviceAction(one.entity.id, action.name, params)
        for action in one.entity.actions.values()
        for params in _params(action, said, known)
    ]
    plain = [DeviceAction(one.entity.id, action.name) for action in _without_values(one.entity)]
    return [*with_values, *plain]


def _without_values(entity: Entity) -> Iterator[EntityAction]:
    for action in entity.actions.values():
        if not any(parameter.required for parameter in action.parameters.values()):
            yield action


def _params(action: EntityAction, words: Sequence[Word], known: Lexicon) -> Iterator[Mapping[str, float | str]]:
    """For each of its parameters the values in the sentence that it takes, where it needs no other."""
    required = {name for name, parameter in action.parameters.items() if parameter.required}
    for name, parameter in action.parameters.items():
        if required <= {name}:
            for value in _values(parameter, words, known):
                yield {name: value}


def _values(parameter: Parameter, words: Sequence[Word], known: Lexicon) -> Iterator[float | str]:
    if parameter.type == "number":
        low, high = parameter.minimum, parameter.maximum
        for word in words:
            if word.number is not None and low is not None and high is not None and low <= word.number <= high:
                yield word.number
    spoken = {known.canonical(word.plain) for word in words}
    for choice in parameter.choices:
        named = {known.canonical(word) for word in known.splitter.names(choice.replace("_", " "))}
        if named and named <= spoken:
            yield choice
