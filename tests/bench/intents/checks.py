#!/usr/bin/env python3
"""checks.py FILE: expand.py by descriptions of a few intents, and what it made of the package, which is in FILE."""
import collections
import csv
import itertools
import random
import sys
import unittest

import expand

# Sentences enough for documents, and for queries.
PLENTY = "(one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"


def described(lists=None, rules=None, **intents):
    """A description of intents by their templates."""
    return {
        "language": "en",
        "lists": lists or {},
        "expansion_rules": rules or {},
        "intents": {name: {"data": [{"sentences": templates}]} for name, templates in intents.items()},
    }


def texts_of(description, role=None):
    """By intent."""
    found = collections.defaultdict(list)
    for text, name, its_role, _ in expand.expand(description):
        if role in (None, its_role):
            found[name].append(text)
    return dict(found)


class Drawn(unittest.TestCase):
    def test_every_sentence_of_a_template_and_no_other_is_drawn(self):
        description = described({"state": {"values": ["on", "(off|out)"]}}, {"the": "(the|my)"},
                                Light=["[please] (<the> lamp;{state})"])
        one = expand.Expander(description, list)
        chance = random.Random(1)
        (block, template), = one.templates("Light")
        self.assertEqual({one.drawn(block, template, chance) for _ in range(500)},
                         {f"{please}{order}" for please in ("", "please ") for the in ("the", "my")
                          for state in ("on", "off", "out")
                          for order in (f"{the} lamp {state}", f"{state} {the} lamp")})

    def test_what_fills_a_gap_is_told(self):
        one = expand.Expander(described(Clean=["clean {area}"]), lambda values: values[:1])
        self.assertEqual(one.drawn(*one.templates("Clean")[0], random.Random(1)), "clean «kitchen»")


class Left(unittest.TestCase):
    def test_a_sentence_of_two_intents_is_of_none(self):
        found = texts_of(described(A=[f"go {PLENTY}", f"run {PLENTY}", "stop now"],
                                   B=[f"walk {PLENTY}", f"crawl {PLENTY}", "stop [right] now"]))
        self.assertEqual(set(found), {"A", "B"})
        self.assertNotIn("stop now", found["A"] + found["B"])

    def test_a_sentence_of_two_intents_with_other_fillings_is_of_none(self):
        found = texts_of(described(A=[f"go {PLENTY}", f"run {PLENTY}", "clean {area}"],
                                   B=[f"walk {PLENTY}", f"crawl {PLENTY}", "clean {floor}"]))
        self.assertEqual([text for text in found["A"] + found["B"] if text.startswith("clean")], [])

    def test_an_intent_with_too_few_is_left_out(self):
        self.assertEqual(set(texts_of(described(A=[f"go {PLENTY}", f"run {PLENTY}"], B=["never mind", "nevermind"]))),
                         {"A"})


class Apart(unittest.TestCase):
    def test_queries_have_other_templates_and_fillings_than_documents(self):
        description = described(A=[f"{verb} {PLENTY} in {{area}}" for verb in ("go", "run", "walk")])
        documents, queries = (texts_of(description, role)["A"] for role in ("document", "query"))
        for place in (0, -1):  # verbs, rooms
            words = [{text.split()[place] for text in texts} for texts in (documents, queries)]
            self.assertEqual(words[0] & words[1], set())

    def test_each_template_gives_one_before_one_gives_a_second(self):
        verbs = [f"verb{chr(97 + n)}" for n in range(15)]
        for role, templates in (("document", 10), ("query", 5)):
            texts = texts_of(described(A=[f"{verb} {PLENTY}" for verb in verbs]), role)["A"]
            self.assertEqual(len({text.split()[0] for text in texts[:templates]}), templates)


class Made(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open(FILE, encoding="utf-8", newline="") as file:
            cls.header, *cls.rows = csv.reader(file)

    def test_the_package_gives_some_thirty_intents_with_no_two_texts_alike(self):
        self.assertEqual(self.header, ["text", "category", "role", "draw"])
        self.assertEqual(len({(text.lower(), draw) for text, _, _, draw in self.rows}), len(self.rows))
        self.assertEqual([text for text, *_ in self.rows if not text or set(text) & set('«»{}<>[]()|;,"')], [])
        counted = collections.Counter((draw, name, role) for _, name, role, draw in self.rows)
        for draw in map(str, range(expand.DRAWS)):
            names = {name for its_draw, name, _ in counted if its_draw == draw}
            self.assertGreater(len(names), 30)
            for name in names:
                documents, queries = counted[draw, name, "document"], counted[draw, name, "query"]
                self.assertTrue(10 <= documents <= 20 and 5 <= queries <= 20, name)

    def test_draws_differ(self):
        asked = [{text for text, _, role, its in self.rows if role == "query" and its == draw} for draw in ("0", "1")]
        self.assertGreater(len(asked[0] - asked[1]), len(asked[0]) // 2)

    def test_another_process_makes_the_same(self):
        again = itertools.islice(expand.expand(expand.package()), 200)
        self.assertEqual([[str(value) for value in row] for row in again], self.rows[:200])


FILE = sys.argv.pop(1)
unittest.main()
