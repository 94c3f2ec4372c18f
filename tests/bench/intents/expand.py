#!/usr/bin/env python3
"""expand.py FILE: writes to FILE the intents of `scripts/bench quality`: rows `text,category,role,draw` in CSV
(quality_sets.h). The texts are sentences that the English templates of home-assistant-intents allow, read by hassil.
They are drawn a few times, so that a difference of some hundredths is no matter of luck.

What a sentence means is to decide, not what is filled into it. So queries come of other templates than documents
(where an intent has two), and no room, name, item or number of a query is one of a document. Left out are sentences
that another intent has, too, or has with something else filled in ("clean the kitchen" is of one intent, "clean the
basement" of another), and intents that have too few. Of an intent's templates each gives a sentence before one gives
a second. The same packages give the same file."""
import copy
import csv
import json
import pathlib
import random
import re
import sys

import hassil
import home_assistant_intents
from hassil.expression import Alternative, ListReference, Permutation, RuleReference, Sequence, TextChunk

MOST_DOCUMENTS, MOST_QUERIES = 20, 20  # of an intent
FEWEST_DOCUMENTS, FEWEST_QUERIES = 10, 5  # else quality_sets.cpp leaves it out
FOR_QUERIES = 1 / 3  # of an intent's templates
DRAWS = 5
TRIES = 40  # of a template, for another sentence
BLANK = "something"  # fills every gap

# What templates leave open, and numbers of their ranges: by turns for documents and for queries.
LISTS = {
    "area": ["kitchen", "bedroom", "living room", "bathroom", "garage", "office", "hallway", "nursery"],
    "floor": ["ground", "first", "second", "basement", "upstairs", "downstairs"],
    "message": ["dinner is ready", "the bus leaves soon", "we have guests", "time to go to bed", "lunch is here",
                "grandma is calling", "somebody is at the door", "please tidy up your rooms"],
    "search_query": ["the beatles", "some jazz", "bohemian rhapsody", "miles davis", "the evening news", "star wars",
                     "classical piano", "abbey road"],
    "zone": ["at home", "at work", "at school", "in the gym", "at the office", "in town"],
    "timer_name": ["pizza", "laundry", "tea", "egg", "homework", "workout", "bread", "nap"],
    "timer_command": ["open the garage door", "turn off the lights", "close the blinds", "play some music",
                      "lock the front door", "start the dishwasher"],
    "shopping_list_item": ["milk", "bread", "apples", "a dozen eggs", "butter", "coffee", "toilet paper", "tomatoes"],
    "todo_list_item": ["call the plumber", "wash the car", "pay the rent", "water the plants", "book a flight",
                       "clean the windows", "return the books", "fix the bike"],
    "temperature": ["18", "19", "twenty", "20.5", "twenty one", "22", "23", "sixty eight", "70"],
    "position": ["10", "a quarter", "25", "thirty", "50", "sixty", "75", "90"],
    "fan_speed": ["10", "twenty", "30", "fifty", "65", "eighty", "90", "100"],
    "brightness": ["5", "ten", "25", "forty", "50", "seventy five", "80", "100"],
    "color_temperature": ["2200", "2700", "3000", "3500", "4000", "5000", "6500"],
    "volume": ["5", "ten", "20", "thirty five", "50", "sixty", "80", "100"],
    "volume_step_up": ["5", "ten", "15", "twenty", "30"],
    "volume_step_down": ["5", "ten", "15", "twenty", "30"],
    "timer_seconds": ["10", "fifteen", "20", "thirty", "45", "fifty"],
    "timer_minutes": ["2", "five", "10", "fifteen", "25", "forty"],
    "timer_hours": ["1", "two", "3", "four", "6", "twelve"],
}
# Names of things, by the domain that a template asks for; by turns, too.
NAMES = {
    "binary_sensor": ["front window", "motion sensor", "driveway camera", "cellar door", "mailbox"],
    "button": ["doorbell", "restart", "coffee machine", "reset"],
    "climate": ["thermostat", "air conditioner", "heater", "heat pump"],
    "cover": ["left blind", "patio awning", "main gate", "skylight shade", "balcony shutter"],
    "fan": ["ceiling fan", "desk fan", "extractor", "ventilator"],
    "input_boolean": ["guest mode", "party mode"],
    "input_button": ["pool pump", "pet feeder"],
    "lawn_mower": ["robomow", "garden robot", "grasshopper"],
    "light": ["floor lamp", "chandelier", "night light", "spotlights", "desk lamp"],
    "lock": ["front door", "back door", "shed", "side entrance"],
    "media_player": ["tv", "speaker", "stereo", "radio", "soundbar"],
    "person": ["alice", "bob", "dad", "emma"],
    "scene": ["movie night", "good morning", "romantic dinner", "bedtime"],
    "script": ["leave home", "wake up routine", "vacation"],
    "sensor": ["outdoor humidity", "energy meter", "rain gauge", "battery level"],
    "switch": ["dishwasher", "aquarium pump", "christmas tree", "kettle"],
    "todo": ["chores", "packing", "errands", "birthday", "weekend"],
    "vacuum": ["roomba", "robot vacuum", "dusty", "sweeper"],
    "valve": ["water valve", "sprinkler", "gas valve"],
    "weather": ["london", "berlin", "new york", "the coast"],
}


def closed(described, filling):
    """The package's description with lists of filling(values) for what it leaves open."""
    described = {key: copy.deepcopy(described[key]) for key in ("language", "intents", "lists", "expansion_rules")}
    described["lists"].update({name: {"values": filling(values)} for name, values in LISTS.items()})
    for intent in described["intents"].values():
        for block in intent["data"]:
            domains = block.pop("requires_context", {}).get("domain", [])
            names = [name for domain in domains for name in filling(NAMES[domain])]
            block["lists"] = {"name": {"values": names}} if names else {}
    return hassil.Intents.from_dict(described)


def drawn(expression, lists, rules, chance):
    """One of the texts that a template allows, each choice for itself; what fills a gap stands between « and »."""
    def part(one):
        return drawn(one, lists, rules, chance)
    if isinstance(expression, TextChunk):
        return expression.original_text
    if isinstance(expression, Alternative):
        return part(chance.choice(expression.items))
    if isinstance(expression, Permutation):
        return "".join(map(part, chance.sample(expression.items, len(expression.items))))
    if isinstance(expression, Sequence):
        return "".join(map(part, expression.items))
    if isinstance(expression, RuleReference):
        return part(rules[expression.rule_name].expression)
    if isinstance(expression, ListReference):
        value = part(chance.choice(lists[expression.list_name].values).text_in)
        return f"«{value}»" if expression.list_name in LISTS or expression.list_name == "name" else value
    raise TypeError(f"expand.py: a template has a {type(expression).__name__}, which is not known here")


class Expander:
    """Of one way to fill the gaps of templates."""

    def __init__(self, described, filling):
        self.intents = closed(described, filling)
        self.blank = closed(described, lambda _: [BLANK])
        self.known = {}  # whether a sentence, with its gaps marked, is of one intent alone

    def templates(self, name):
        return [(block, template) for block in self.intents.intents[name].data for template in block.sentences]

    def drawn(self, block, template, chance):
        lists = {**self.intents.slot_lists, **block.slot_lists}
        rules = {**self.intents.expansion_rules, **block.expansion_rules}
        return " ".join(drawn(template.expression, lists, rules, chance).split())

    def is_alone(self, filled, name):
        """No other intent has it, nor has it with something else filled in."""
        if filled not in self.known:
            blank = re.sub("«.*?»", BLANK, filled)
            self.known[filled] = all(found.intent.name == name
                                     for text, intents in ((blank, self.blank), (without_marks(filled), self.intents))
                                     for found in hassil.recognize_all(text, intents))
        return self.known[filled]

    def sentences(self, name, numbers, wanted, taken, chance):
        """As many of these templates as are this intent's alone and not taken, or fewer."""
        templates, texts, left = self.templates(name), [], list(numbers)
        while left and len(texts) < wanted:
            for number in left[: wanted - len(texts)]:
                for _ in range(TRIES):
                    filled = self.drawn(*templates[number], chance)
                    text = without_marks(filled)
                    if text.lower() not in taken and self.is_alone(filled, name):
                        taken.add(text.lower())
                        texts.append(text)
                        break
                else:
                    left.remove(number)
        return texts


def without_marks(filled):
    return re.sub("[«»]", "", filled)


def expand(described, draws=1):
    """Rows of each intent that has enough, of one draw after the other."""
    for_documents = Expander(described, lambda values: values[::2])
    for_queries = Expander(described, lambda values: values[1::2])
    for draw in range(draws):
        for text, name, role in one_draw(for_documents, for_queries, draw):
            yield text, name, role, draw


def one_draw(for_documents, for_queries, draw):
    for name in for_documents.intents.intents:
        chance = random.Random(f"{name} {draw}")
        numbers = list(range(len(for_documents.templates(name))))
        chance.shuffle(numbers)
        asked = max(1, int(len(numbers) * FOR_QUERIES))
        taken = set()
        queries = for_queries.sentences(name, numbers[:asked], MOST_QUERIES, taken, chance)
        documents = for_documents.sentences(name, numbers[asked:] or numbers, MOST_DOCUMENTS, taken, chance)
        if len(documents) >= FEWEST_DOCUMENTS and len(queries) >= FEWEST_QUERIES:
            yield from ((text, name, "document") for text in documents)
            yield from ((text, name, "query") for text in queries)


def package():
    data = pathlib.Path(home_assistant_intents.__file__).parent / "data" / "en.json"
    return json.loads(data.read_text(encoding="utf-8"))


def main():
    with open(sys.argv[1], "w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("text", "category", "role", "draw"), *expand(package(), DRAWS)])


if __name__ == "__main__":
    main()
