"""From a sentence to a Plan, without the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edge_agent.home import DeviceAction, Entity, Home
from edge_agent.language.clause import Clause, Reference
from edge_agent.language.deciding import CUE_KINDS, SWITCHED, actions_for, fits
from edge_agent.language.dialogue import Dialogue
from edge_agent.language.joining import CHANGES, join
from edge_agent.language.lexicon import Lexicon, lexicon
from edge_agent.language.lists import list_plan
from edge_agent.language.plan import Act, Ask, Clock, LetBe, Plan, Refuse
from edge_agent.language.questions import question_plan
from edge_agent.language.reading import Reader
from edge_agent.language.situations import situation_clause
from edge_agent.language.targets import Fits, Found, Targets, unique
from edge_agent.language.timer_wishes import timer_plan
from edge_agent.language.vocabulary import SMALL_WORDS, EntityWords, Vocabulary

TOO_MANY_CANDIDATES = 6
ROOM_DEGREES = 10, 30  # "the bedroom to nineteen" is its heating
# Said of what the home does not have they are told so; of others the model may know what is meant.
STRONG_CUES = frozenset({"on", "off", "open", "close", "lock", "unlock", "brighter", "darker", "mute", "unmute"})
PLAYED = frozenset(
    {"pause", "mute", "unmute", "stop", "quieter", "louder", "stronger", "weaker", "next", "previous"}
)  # done to what plays
MEASURED = frozenset({"temperature", "humidity", "battery", "power"})
QUESTION_WORDS = frozenset({"question:question", "question:which", "question:count"})
EVERYTHING = frozenset({"light", "switch", "fan", "media_player", "humidifier"})


class Understanding:
    """Rules of the languages that have a lexicon; None where they do not understand."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._vocabularies: dict[str, tuple[int, Vocabulary]] = {}

    def understand(self, text: str, dialogue: Dialogue, *, area: str | None, language: str) -> Plan | None:
        words = lexicon(language)
        if words is None:
            return None
        vocabulary = self.vocabulary(words)
        open_wish, dialogue.timer_wish = dialogue.timer_wish, None
        if (timed := timer_plan(text, vocabulary, open_wish)) is not None:
            dialogue.closed()
            return timed
        clauses = Reader(words, vocabulary).read(text)
        listed, rest = list_plan(text, vocabulary, dialogue)
        if isinstance(listed, Act) and rest:
            dialogue.entity_ids = ()  # what else is said is no other entry
            more = self.understand(rest, dialogue, area=area, language=language)
            return Act((*listed.actions, *more.actions)) if isinstance(more, Act) else listed
        sentence = _Sentence(self._home, words, vocabulary, dialogue, self.area_name(area))
        return sentence.plan(clauses, listed)

    def answer(self, text: str, dialogue: Dialogue, *, language: str) -> Plan | None:
        """What the sentence answers to our own question; None where it is no answer to one."""
        words = lexicon(language)
        if words is None:
            return None
        vocabulary = self.vocabulary(words)
        sentence = _Sentence(self._home, words, vocabulary, dialogue, None)
        return sentence.answer(Reader(words, vocabulary).read(text))

    def area_name(self, area: str | None) -> str | None:
        """The area's own name of a name, alias or slug."""
        if area is None:
            return None
        wanted = area.casefold().replace(" ", "_")
        for slug, found in self._home.areas.items():
            names = {slug, found.name.casefold(), *(alias.casefold() for alias in found.aliases)}
            if area.casefold() in names or wanted in names:
                return found.name
        return None

    def vocabulary(self, words: Lexicon) -> Vocabulary:
        """Made anew when the home has changed."""
        version, vocabulary = self._vocabularies.get(words.language, (-1, None))
        if vocabulary is None or version != self._home.version:
            vocabulary = Vocabulary(words, self._home.entities.values(), self._home.areas)
            self._vocabularies[words.language] = self._home.version, vocabulary
        return vocabulary


class _Sentence:
    """One sentence on its way to a Plan."""

    def __init__(
        self, home: Home, words: Lexicon, vocabulary: Vocabulary, dialogue: Dialogue, area: str | None
    ) -> None:
        self._home, self._lexicon, self._vocabulary, self._dialogue = home, words, vocabulary, dialogue
        self._area = area
        self._targets = Targets(vocabulary, words, area)
        self._places: frozenset[str] = frozenset()  # words of the whole sentence
        self._kinds: frozenset[str] = frozenset()  # of what the wish before is for

    def plan(self, clauses: list[Clause], listed: Plan | None) -> Plan | None:
        if (plan := self.answer(clauses)) is not None:
            return plan
        self._places = frozenset(word for clause in clauses for ref in clause.references for word in ref.words)
        if (plan := self._small_talk(clauses)) is not None:
            return plan
        if isinstance(listed, Ask) and listed.key == "which_item":
            self._dialogue.asked(listed, None)
        if listed is not None:
            return listed
        if self._lexicon.is_talk(word for clause in clauses for word in clause.words):
            return None  # "write a poem about a lamp"
        clauses = self._asked_before_a_wish(clauses)
        if self._is_question(clauses):
            return question_plan(clauses, self._targets, self._dialogue, self._lexicon, self._vocabulary)
        is_timed = any(clause.when is not None and clause.when.is_told for clause in clauses)
        if any("condition" in clause.flags or ("later" in clause.flags and not is_timed) for clause in clauses):
            return Refuse("not_then") if self._asks_for_a_deed(clauses) else None  # "when it gets dark, …": not now
        joined = join(clauses, self._vocabulary)
        joined = self._with_bare_light(_with_degrees(joined))
        wishes = self._explicit([clause for clause in joined if self._is_wish(clause)])
        if not wishes and any(self._forbids(clause) for clause in joined):
            return LetBe("not_now")
        if not wishes and _names_a_measurement(clauses):
            return question_plan(clauses, self._targets, self._dialogue, self._lexicon, self._vocabulary)
        return self._carry(wishes)

    # Answers to what we asked

    def answer(self, clauses: list[Clause]) -> Plan | None:
        dialogue = self._dialogue
        if dialogue.unconfirmed is not None and clauses and (plan := self._yes_or_no(clauses[0], dialogue.unconfirmed)):
            return plan
        if dialogue.question is None:
            return None
        question, wish = dialogue.question, dialogue.wish
        dialogue.closed()
        if any("never_mind" in clause.flags for clause in clauses):
            return LetBe("never_mind")
        if question.key == "what_to_do":
            return self._do_with(question.candidates, clauses)
        if question.key == "which_item":
            return self._put_on(question.candidates, clauses)
        if any(set(clause.cues) - {"set", "add", "dock"} for clause in clauses) or not clauses:
            return None
        answer = clauses[-1] if not clauses[0].has_target else clauses[0]
        if question.key == "value_missing" and wish is not None and answer.has_value:
            return self._carry([_with_values(wish, answer)])
        chosen = self._choose(question, answer)
        if not chosen:
            return None
        if wish is None:
            return _one_of_offered(question, [words.entity.id for words in chosen])
        dialogue.clause = wish
        return Act(actions_for([words.entity for words in chosen], wish), wish.when, wish.for_s)

    def _yes_or_no(self, first: Clause, unconfirmed: Act) -> Plan | None:
        self._dialogue.unconfirmed = None  # a yes counts for the question right before it only
        if "yes:yes" in first.flags and "yes:no" not in first.flags:
            self._dialogue.closed()
            return replace(unconfirmed, confirmed=True)
        if {"yes:no", "never_mind", "not"} & first.flags:
            self._dialogue.closed()
            return LetBe("never_mind")
        return None

    def _put_on(self, list_ids: Sequence[str], clauses: list[Clause]) -> Plan | None:
        """ "Tomatoes and a cucumber", of what we were to write down."""
        words = self._lexicon.lists
        if words is None or any(clause.cues or clause.flags & {"question", "request", "yes"} for clause in clauses):
            return None
        items = [words.article.sub("", " ".join(clause.said)) for clause in clauses]
        return Act(tuple(DeviceAction(one, "add_item", {"item": item}) for one in list_ids for item in items if item))

    def _do_with(self, entity_ids: Sequence[str], clauses: list[Clause]) -> Plan | None:
        """ "Off, please", of what we asked about; a sentence that names something else is no answer."""
        entities = [self._home.entities[one] for one in entity_ids if one in self._home.entities]
        named = any(ref.words and not ref.pronoun for clause in clauses for ref in clause.references)
        wish = next((clause for clause in clauses if clause.cues or clause.has_value), None)
        if wish is None or named or self._is_question(clauses) or "not" in wish.flags:
            return None
        actions = actions_for(entities, wish)
        return Act(actions, wish.when, wish.for_s) if actions else None

    def _choose(self, question: Ask, answer: Clause) -> tuple[EntityWords, ...]:
        candidates = [words for words in self._vocabulary.entities if words.entity.id in question.candidates]
        for reference in answer.references or (Reference(),):
            if reference.quantity in ("all", "both"):
                return tuple(candidates)
            spoken = set(reference.words)
            scored = [
                (len(spoken & (words.named_by(frozenset(spoken)) | words.area | words.floor | words.kinds)), words)
                for words in candidates
            ]
            if reference.side or reference.scope in ("upstairs", "downstairs"):
                hint = reference.side or reference.scope
                scored = [(score + any(hint in name for name in words.names), words) for score, words in scored]
            best = max((score for score, _ in scored), default=0)
            chosen = tuple(words for score, words in scored if score == best)
            if best and len(chosen) == 1:
                return chosen
        return ()

    def _small_talk(self, clauses: list[Clause]) -> Plan | None:
        flags = {flag for clause in clauses for flag in clause.flags}
        targets = any(reference.words for clause in clauses for reference in clause.references)
        if "clock" in flags:
            return Clock("date" if "clock:date" in flags else "time")
        if "never_mind" in flags and not targets and not any(clause.has_value for clause in clauses):
            return LetBe("thanks" if "never_mind:thanks" in flags else "never_mind")
        return None

    def _asked_before_a_wish(self, clauses: list[Clause]) -> list[Clause]:
        """ "Did anyone do the back door? Lock it please": the question only tells what is spoken of."""
        asked = [at for at, clause in enumerate(clauses) if "question" in clause.flags]
        if not asked or asked[-1] + 1 == len(clauses) or not any(one.lead == "asked" for one in clauses):
            return clauses
        told, wishes = clauses[: asked[-1] + 1], clauses[asked[-1] + 1 :]
        if not any(clause.cues and clause.has_target for clause in wishes):
            return clauses
        return [*(_only_told(clause) for clause in told), *wishes]

    def _is_question(self, clauses: list[Clause]) -> bool:
        asked = [clause for clause in clauses if "question" in clause.flags and "request" not in clause.flags]
        says_what_to_do = any(clause.cues or clause.has_value for clause in clauses)
        in_words = not says_what_to_do and any(clause.flags & QUESTION_WORDS for clause in asked)
        requested = any("request" in clause.flags for clause in clauses)
        wanted = any("want" in clause.flags for clause in clauses) and not in_words  # "is it on, please"
        explicitly = any("question:ask" in clause.flags for clause in clauses)  # "can you tell me if …"
        return explicitly or (bool(asked) and not (requested or wanted))

    def _is_wish(self, clause: Clause) -> bool:
        if {"not", "leave"} & clause.flags or ("story" in clause.flags and not clause.wishes):
            return False
        if clause.cues or clause.has_value or clause.wishes or clause.flags & {"want", "same"}:
            return True
        if _says_only_how_much(clause) and self._dialogue.clause is not None:
            return bool(CHANGES & set(self._dialogue.clause.cues))
        return self._names_a_scene(clause) or (clause.has_target and self._dialogue.clause is not None)

    def _with_bare_light(self, clauses: list[Clause]) -> list[Clause]:
        """ "Light!", "kitchen light": where nothing else is said, it is to be on."""
        if len(clauses) != 1 or self._dialogue.clause is not None or not _only_names(clauses[0]):
            return clauses
        reference = clauses[0].references[0]
        is_light = any("light" in self._lexicon.kinds.get(word, ()) for word in reference.words)
        return [replace(clauses[0], flags=frozenset({"want"}))] if is_light else clauses

    def _forbids(self, clause: Clause) -> bool:
        """ "Don't turn off the lamp": about something of this home, not "do not stop counting"."""
        named = any(reference.words and not reference.unknown for reference in clause.references)
        return bool(clause.flags & {"not", "leave"}) and named

    def _explicit(self, wishes: list[Clause]) -> list[Clause]:
        """What is asked for in so many words counts; what only tells how it is, where nothing is."""
        asked = [
            clause for clause in wishes
            if not (clause.wishes and not clause.cues) and not self._is_vague(clause)
        ]  # fmt: skip
        return asked or wishes

    def _asks_for_a_deed(self, clauses: list[Clause]) -> bool:
        """Something is to be done with a thing of this home, and not only spoken of."""
        named = any(ref.words and not ref.unknown for clause in clauses for ref in clause.references)
        return named and any(clause.cues or clause.has_value for clause in clauses)

    def _is_vague(self, clause: Clause) -> bool:
        """ "deal with it please", "I fancy a cup of tea": a wish, but for nothing of this home."""
        named = [ref for ref in clause.references if ref.words and not ref.unknown]
        says_what = set(clause.cues) - {"set"} or clause.has_value or clause.has_target
        only_set = bool(clause.cues) and not says_what  # "do something about it"
        return only_set or (not clause.cues and not clause.has_value and not named and "want" in clause.flags)

    def _names_a_scene(self, clause: Clause) -> bool:
        spoken = frozenset(word for reference in clause.references for word in reference.words)
        return any(
            words.entity.kind in ("scene", "script") and words.fully_named_by(spoken)
            for words in self._vocabulary.entities
        )

    # Wishes

    def _carry(self, wishes: list[Clause]) -> Plan | None:
        plans: list[Act] = []
        for clause in wishes:
            plan = self._wish(clause)
            if isinstance(plan, Act):
                plans.append(plan)
                self._kinds = frozenset(self._home.entities[one.entity_id].kind for one in plan.actions)
            elif plan is not None:
                return plan
        if not plans:
            return None
        actions: dict[tuple[str, str], DeviceAction] = {}
        for action in (action for plan in plans for action in plan.actions):
            key = action.entity_id, action.action
            before = actions.get(key)
            actions[key] = action if before is None else replace(action, params={**before.params, **action.params})
        when = next((plan.when for plan in plans if plan.when is not None), None)
        self._dialogue.clause = wishes[-1]
        lengths = {plan.for_s for plan in plans}
        if len(lengths) > 1 and plans[-1].for_s is None:
            return Refuse("not_for_a_while")  # one for a while and the other for good
        return Act(tuple(actions.values()), when, plans[-1].for_s)

    def _wish(self, clause: Clause) -> Plan | None:
        if clause.wishes and not clause.cues:
            return situation_clause(clause, self._targets, self._vocabulary, self._area)
        named = tuple(ref for ref in clause.references if not ref.pronoun and not ref.is_empty)
        if self._means_those_before(clause):
            named = ()
        if not named or (len(named) < len(clause.references) and self._dialogue.entity_ids):
            return self._without_target(clause)
        clause = clause.with_references(*named)
        if not clause.cues and not clause.has_value and "want" not in clause.flags and not self._names_a_scene(clause):
            clause = self._continued(clause)
        found: list[EntityWords] = []
        for reference in clause.references:
            result = self._find(reference, clause)
            if isinstance(result, Found):
                found.extend(result.entities)
            elif result is not None:
                return result
        left_out = set(self._dialogue.entity_ids) if "rest" in clause.flags else set()
        for reference in clause.excepted:
            whole = replace(reference, quantity=reference.quantity or "all")
            excepted = self._targets.find(whole, lambda entity: True)
            if not excepted.entities:
                return Refuse("no_such_device", {"name": reference.said})
            left_out |= {words.entity.id for words in excepted.entities}
        meant = [words.entity for words in unique(found) if words.entity.id not in left_out]
        actions = actions_for(meant, clause)
        return Act(actions, clause.when, clause.for_s) if actions else None

    def _means_those_before(self, clause: Clause) -> bool:
        """ "Turn them all off" is about what was spoken of, "turn it all off" about everything."""
        spoken_of = any(ref.pronoun == "it" for ref in clause.references)
        says_which = any(ref.words or ref.unknown or ref.scope for ref in clause.references)
        return spoken_of and not says_which and not self._lexicon.several.isdisjoint(clause.words)

    def _continued(self, clause: Clause) -> Clause:
        """ "and the kitchen one": the same again, for another of the kind."""
        previous = self._dialogue.clause
        if previous is None:
            return clause
        kinds = {self._home.entities[one].kind for one in self._dialogue.entity_ids if one in self._home.entities}
        words = next((word for word, of in self._lexicon.kinds.items() if kinds <= set(of)), None)
        references = clause.references
        if words is not None:
            references = tuple(
                replace(ref, words=(*ref.words, words)) if not self._has_kind(ref) else ref for ref in references
            )
        return replace(previous, references=references, excepted=())

    def _find(self, reference: Reference, clause: Clause) -> Found | Plan | None:
        able = fits(clause)
        if reference.quantity == "all" and not self._has_kind(reference):
            kinds = _kinds_of_everything(set(clause.cues))
            result = self._targets.find(reference, lambda entity: entity.kind in kinds and able(entity))
        else:
            prefer = _preference(clause) or self._like_before(reference, clause)
            result = self._targets.find(reference, able, prefer=prefer)
        if result.ambiguous:
            result = self._narrowed(self._like_the_last(result, clause), reference)
        if result.ambiguous:
            return self._ask_which(result, clause)
        if result.entities:
            return result if self._is_certain(result, clause) else self._asked_first(result, reference, clause)
        if result.unfit:
            return Refuse("cannot", {"name": result.unfit[0].entity.name})
        if result.missing and (reference.words or STRONG_CUES & set(clause.cues)):
            return Refuse("no_such_device", {"name": result.missing})
        return None  # "turn the story into a poem" is no wish of this kind

    def _is_certain(self, found: Found, clause: Clause) -> bool:
        """What is said by half is certain where the rest is told: "a coffee, turn the machine on", "water the lawn"."""
        return (
            not found.doubtful
            or bool(CUE_KINDS.keys() & set(clause.cues))
            or any(
                words.fully_named_by(self._places) or words.entity.id in self._dialogue.entity_ids
                for words in found.entities
            )
        )

    def _asked_first(self, found: Found, reference: Reference, clause: Clause) -> Plan:
        """ "The machine" may be another one than the coffee machine, and whoever closes one means a door."""
        closes = {"open", "close"} & set(clause.cues) and not {"on", "off", "start", "stop"} & set(clause.cues)
        if closes and any(words.entity.kind in SWITCHED for words in found.entities):
            return Refuse("no_such_device", {"name": reference.said})
        wishes = actions_for([words.entity for words in found.entities], clause)
        return Ask("confirm", {"wish": wishes}, tuple(words.entity.id for words in found.entities))

    def _like_before(self, reference: Reference, clause: Clause) -> Fits | None:
        """ "22 in the bathroom and 20 in the hall": a bare number of another place is of the same kind of thing."""
        if not self._kinds or clause.number is None or self._has_kind(reference):
            return None
        return lambda entity: entity.kind in self._kinds

    def _like_the_last(self, found: Found, clause: Clause) -> Found:
        """ "The left bedside lamp on" – "and the right one": of those that fit, what is called most like it."""
        last = [self._home.entities[one] for one in self._dialogue.entity_ids if one in self._home.entities]
        if not last or not (clause.flags & {"one", "fix"} or clause.lead == "and"):
            return found
        spoken_of = {word for entity in last for word in _name_words(entity)}
        likeness = [len(spoken_of & set(_name_words(words.entity))) for words in found.entities]
        alike = [one for one, shared in zip(found.entities, likeness, strict=True) if shared == max(likeness)]
        return Found(tuple(alike), ambiguous=False) if len(alike) == 1 else found

    def _narrowed(self, found: Found, reference: Reference) -> Found:
        """A place that was named anywhere in the sentence tells which one is meant, and so does a whole name."""
        named = tuple(words for words in found.entities if words.fully_named_by(self._places))
        if len(named) == 1 and not reference.plural:
            return Found(named)  # "I need a coffee, turn the machine on"
        there = tuple(words for words in found.entities if words.area and words.area <= self._places)
        light = {self._lexicon.canonical("light")}
        if there and set(reference.words) == light and all(words.entity.kind == "light" for words in there):
            return Found(there)  # "it's dark in the hall, turn on the light": all the light in it
        there = there or found.entities
        # A door that can be opened is meant before one that can only be unlocked.
        doors = tuple(words for words in there if words.entity.kind == "cover")
        if {words.entity.kind for words in there} == {"cover", "lock"}:
            there = doors
        return Found(there, ambiguous=len(there) > 1)

    def _has_kind(self, reference: Reference) -> bool:
        places = self._vocabulary.place_words | SMALL_WORDS
        return any(word not in places for word in reference.words)

    def _ask_which(self, found: Found, clause: Clause) -> Ask:
        candidates = tuple(words.entity.id for words in found.entities)
        question = Ask("which_one", {}, candidates[:TOO_MANY_CANDIDATES])
        self._dialogue.asked(Ask("which_one", {}, candidates), clause)
        return question

    def _without_target(self, clause: Clause) -> Plan | None:
        pronoun = next((ref.pronoun for ref in clause.references if ref.pronoun), None)
        last = [self._home.entities[one] for one in self._dialogue.entity_ids if one in self._home.entities]
        if pronoun == "other":
            return self._other(last, clause)
        if self._dialogue.clause is not None and _says_only_how_much(clause):
            clause = replace(self._dialogue.clause, little=True, references=())  # "a bit more", right after "brighter"
        goes_on = clause.cues and not clause.has_target and self._dialogue.clause is not None
        if last and (goes_on or pronoun or clause.has_value or clause.flags & {"fix", "same"}):
            actions = actions_for(last, clause)
            if actions:
                return Act(actions, clause.when, clause.for_s)
            if pronoun and clause.cues:
                return Refuse("cannot", {"name": last[0].name})
        if (plan := self._implied(clause)) is not None:
            return plan
        return Ask("which_device") if pronoun and clause.cues else None

    def _other(self, last: list[Entity], clause: Clause) -> Plan | None:
        previous = self._dialogue.clause
        if previous is None or not last:
            return None
        kinds, areas = {entity.kind for entity in last}, {entity.area for entity in last}
        ids = {entity.id for entity in last}
        of_kind = [one for one in self._home.entities.values() if one.kind in kinds and one.id not in ids]
        others = [entity for entity in of_kind if entity.area in areas] or of_kind
        wish = clause if clause.cues else previous
        likeness = [
            len(set(_name_words(entity)) & {word for one in last for word in _name_words(one)}) for entity in others
        ]
        alike = [entity for entity, shared in zip(others, likeness, strict=True) if shared == max(likeness)]
        return Act(actions_for(alike, wish), clause.when, clause.for_s) if len(alike) == 1 else None

    def _implied(self, clause: Clause) -> Plan | None:
        """No device is named, but what is wished says what kind it must be."""
        able = fits(clause)
        implied = _implied_kinds(clause)
        if not implied:
            return None
        scope = "here" if self._area is not None else None
        result = self._targets.find(
            Reference(scope=scope), lambda entity: entity.kind in implied and able(entity), prefer=_preference(clause)
        )
        if not result.entities:
            result = self._targets.find(
                Reference(), lambda entity: entity.kind in implied and able(entity), prefer=_preference(clause)
            )
        if "lock" in clause.cues:
            result = replace(result, ambiguous=False)
        if result.ambiguous:
            return self._ask_which(result, clause)
        entities = [words.entity for words in result.entities]
        return Act(actions_for(entities, clause), clause.when, clause.for_s) if entities else None


def _with_degrees(clauses: list[Clause]) -> list[Clause]:
    """ "It's too warm, make it twenty": where warmth is spoken of, a bare number is of degrees."""
    of_warmth = any(set(clause.wishes) & {"warmer_here", "colder_here"} for clause in clauses)
    return [
        replace(clause, degrees=clause.number, number=None)
        if of_warmth and clause.number is not None and ROOM_DEGREES[0] <= clause.number <= ROOM_DEGREES[1]
        else clause
        for clause in clauses
    ]


def _only_names(clause: Clause) -> bool:
    """Nothing but the name of a thing, and hardly a word beside."""
    named = len(clause.references) == 1 and not clause.references[0].unknown
    says_more = clause.cues or clause.has_value or clause.wishes or clause.flags or clause.when or clause.excepted
    return named and not says_more and len(clause.words) <= len(clause.references[0].words) + 1


def _only_told(clause: Clause) -> Clause:
    """What was spoken of, and nothing else of it."""
    named = [reference for reference in clause.references if reference.words]
    return Clause(references=tuple(named[-1:]), flags=frozenset({"story"}), words=clause.words, said=clause.said)


def _kinds_of_everything(cues: set[str]) -> frozenset[str]:
    """What "everything" is, by what is to be done with it."""
    if "dark" in cues:
        return frozenset({"light"})
    if cues & {"lock", "unlock"}:
        return frozenset({"lock"})
    if cues & {"open", "close"} and not cues & {"down", "on", "off", "out"}:
        return frozenset({"cover"})
    return EVERYTHING


def _names_a_measurement(clauses: list[Clause]) -> bool:
    """ "Temperature in the bathroom", and nothing else, asks for it."""
    if len(clauses) != 1 or clauses[0].cues or clauses[0].has_value or clauses[0].flags:
        return False
    is_known = clauses[0].has_target and not any(reference.unknown for reference in clauses[0].references)
    return is_known and clauses[0].attribute in MEASURED


def _says_only_how_much(clause: Clause) -> bool:
    return clause.little and not (clause.cues or clause.has_value or clause.has_target or clause.wishes)


def _name_words(entity: Entity) -> list[str]:
    return entity.name.casefold().split()


def _implied_kinds(clause: Clause) -> frozenset[str]:
    cues = set(clause.cues)
    if cues & {"brighter", "darker"}:
        return frozenset({"light"})
    if clause.degrees is not None or cues & {"warmer", "colder"} or clause.hvac:
        return frozenset({"climate"})
    if cues & {
        "louder",
        "quieter",
        "stronger",
        "weaker",
        "mute",
        "unmute",
        "pause",
        "resume",
        "play",
        "next",
        "previous",
    }:
        return frozenset({"media_player"})
    if "clean" in cues or "dock" in cues:
        return frozenset({"vacuum"})
    if "lock" in cues:
        return frozenset({"lock"})
    if "water" in cues:
        return frozenset({"valve"})
    if "mow" in cues:
        return frozenset({"lawn_mower"})
    if clause.color or clause.kelvin or (clause.attribute == "brightness_pct" and clause.has_value):
        return frozenset({"light"})
    return frozenset()


def _preference(clause: Clause):  # type: ignore[no-untyped-def]
    """Among several that fit: what plays is paused, what is paused goes on, what is on is turned off."""
    cues = set(clause.cues)
    if cues & PLAYED or clause.attribute == "volume_level":
        return lambda entity: entity.state == "playing"
    if cues & {"resume", "play"}:
        return lambda entity: entity.state == "paused"
    if cues & {"warmer", "colder"} or _may_be_degrees(clause):
        return lambda entity: entity.kind == "climate"
    if cues & {"open", "close"} and not cues & {"on", "off", "lock", "unlock"}:
        return lambda entity: entity.kind == "cover"
    return None


def _one_of_offered(question: Ask, entity_ids: Sequence[str]) -> Ask | None:
    """What the model took the wish for was not said yet, only asked for which device: that comes next."""
    wishes = tuple(wish for wish in question.values.get("wish", ()) if wish.entity_id in entity_ids)
    return Ask("confirm", {"wish": wishes}, tuple(entity_ids)) if wishes else None


def _may_be_degrees(clause: Clause) -> bool:
    only_a_number = clause.percent is None and clause.color is None and clause.kelvin is None
    return clause.number is not None and only_a_number and ROOM_DEGREES[0] <= clause.number <= ROOM_DEGREES[1]


def _with_values(wish: Clause, answer: Clause) -> Clause:
    given = {
        name: getattr(answer, name)
        for name in ("percent", "degrees", "kelvin", "number", "color", "hvac", "tint")
        if getattr(answer, name) is not None
    }
    return replace(wish, **given)
