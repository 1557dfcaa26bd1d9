"""What is said behind a question of ours: a yes or a no, which one, how much, what to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from edge_agent.home import DeviceAction, Home
from edge_agent.language.clause import Clause, Reference
from edge_agent.language.deciding import actions_for
from edge_agent.language.dialogue import Dialogue
from edge_agent.language.lexicon import Lexicon
from edge_agent.language.plan import Act, Ask, LetBe, Plan
from edge_agent.language.questions import is_question
from edge_agent.language.vocabulary import EntityWords, Vocabulary

Carry = Callable[[list[Clause]], Plan | None]


class Followups:
    """Answers in one dialogue. `carry` makes the Plan of a wish that is complete now."""

    def __init__(self, home: Home, words: Lexicon, vocabulary: Vocabulary, dialogue: Dialogue, carry: Carry) -> None:
        self._home, self._lexicon, self._vocabulary, self._dialogue = home, words, vocabulary, dialogue
        self._carry = carry

    def plan(self, clauses: list[Clause]) -> Plan | None:
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
        if wish is None or named or is_question(clauses) or "not" in wish.flags:
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


def _one_of_offered(question: Ask, entity_ids: Sequence[str]) -> Ask | None:
    """What the model took the wish for was not said yet, only asked for which device: that comes next."""
    wishes = tuple(wish for wish in question.values.get("wish", ()) if wish.entity_id in entity_ids)
    return Ask("confirm", {"wish": wishes}, tuple(entity_ids)) if wishes else None


def _with_values(wish: Clause, answer: Clause) -> Clause:
    given = {
        name: getattr(answer, name)
        for name in ("percent", "degrees", "kelvin", "number", "color", "hvac", "tint")
        if getattr(answer, name) is not None
    }
    return replace(wish, **given)
