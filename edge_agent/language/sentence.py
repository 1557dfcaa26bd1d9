"""One sentence on its way to a Plan: an answer, small talk, a list, a question, or wishes."""

from __future__ import annotations

from dataclasses import replace

from edge_agent.home import Home
from edge_agent.language.clause import Clause
from edge_agent.language.dialogue import Dialogue
from edge_agent.language.followups import Followups
from edge_agent.language.joining import CHANGES, join
from edge_agent.language.lexicon import Lexicon
from edge_agent.language.plan import Ask, Clock, LetBe, Plan, Refuse
from edge_agent.language.questions import is_question, question_plan
from edge_agent.language.targets import Targets
from edge_agent.language.vocabulary import Vocabulary
from edge_agent.language.wishes import ROOM_DEGREES, Wishes, says_only_how_much

MEASURED = frozenset({"temperature", "humidity", "battery", "power"})


class Sentence:
    """Read already. `area` is where the person is."""

    def __init__(
        self, home: Home, words: Lexicon, vocabulary: Vocabulary, dialogue: Dialogue, area: str | None
    ) -> None:
        self._lexicon, self._vocabulary, self._dialogue = words, vocabulary, dialogue
        self._targets = Targets(vocabulary, words, area)
        self._wishes = Wishes(home, words, vocabulary, dialogue, self._targets, area)
        self._followups = Followups(home, words, vocabulary, dialogue, self._wishes.carry)

    def answer(self, clauses: list[Clause]) -> Plan | None:
        """What it answers to our own question; None where it is no answer to one."""
        return self._followups.plan(clauses)

    def plan(self, clauses: list[Clause], listed: Plan | None) -> Plan | None:
        """None where no rule understands it. `listed`: what it wishes of a list, if it is about one."""
        if (plan := self.answer(clauses)) is not None:
            return plan
        places = frozenset(word for clause in clauses for ref in clause.references for word in ref.words)
        if (plan := self._small_talk(clauses)) is not None:
            return plan
        if isinstance(listed, Ask) and listed.key == "which_item":
            self._dialogue.asked(listed, None)
        if listed is not None:
            return listed
        if self._lexicon.is_talk(word for clause in clauses for word in clause.words):
            return None  # "write a poem about a lamp"
        clauses = self._asked_before_a_wish(clauses)
        if is_question(clauses):
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
        return self._wishes.carry(wishes, places)

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

    def _is_wish(self, clause: Clause) -> bool:
        if {"not", "leave"} & clause.flags or ("story" in clause.flags and not clause.wishes):
            return False
        if clause.cues or clause.has_value or clause.wishes or clause.flags & {"want", "same"}:
            return True
        if says_only_how_much(clause) and self._dialogue.clause is not None:
            return bool(CHANGES & set(self._dialogue.clause.cues))
        return self._wishes.names_a_scene(clause) or (clause.has_target and self._dialogue.clause is not None)

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


def _names_a_measurement(clauses: list[Clause]) -> bool:
    """ "Temperature in the bathroom", and nothing else, asks for it."""
    if len(clauses) != 1 or clauses[0].cues or clauses[0].has_value or clauses[0].flags:
        return False
    is_known = clauses[0].has_target and not any(reference.unknown for reference in clauses[0].references)
    return is_known and clauses[0].attribute in MEASURED
