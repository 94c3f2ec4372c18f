#!/usr/bin/env python3
"""expand.py FILE: writes to FILE the intents of `scripts/bench quality`: rows `text,category,role` in CSV
(quality_sets.h). The texts are sentences that the English templates of home-assistant-intents allow, which hassil reads.

What an intent means has to tell them from others, and not that two sentences are one with another number in it: so
queries come of other templates than documents (where an intent has two), and rooms, names, items and numbers of queries
are none of the documents. Of an intent's templates each gives a sentence before one gives a second. Left out are
sentences that another intent's templates allow, too, and intents that have too few. The same packages give the
same file."""
import copy
import csv
import json
import pathlib
import random
import sys

import hassil
import home_assistant_intents
from hassil.expression import Alternative, ListReference, Permutation, RuleReference, Sequence, TextChunk

MOST_DOCUMENTS, MOST_QUERIES = 20, 20  # of an intent
FEWEST_DOCUMENTS, FEWEST_QUERIES = 10, 5  # else quality_sets.cpp leaves it out
FOR_QUERIES = 1 / 3  # of an intent's templates
TRIES = 40  # of a template, for another sentence

# What templates leave open, and numbers of their ranges: by turns for documents and for queries.
LISTS = {
    "area": ["kitchen", "bedroom", "living room", "bathroom", "garage", "office", "hallway", "nursery"],
    "floor": ["ground", "first", "second", "basement", "upstairs", "downstairs"],
    "message": ["dinner is ready", "the bus leaves soon", "we have guests", "time to go to bed", "lunch is here",
                "grandma is on the phone", "somebody is at the door", "please tidy up your rooms"],
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


def closed(described, turn):
    """The package's description, with each second value from `turn` on for what it leaves open."""
    described = {key: copy.deepcopy(described[key]) for key in ("language", "intents", "lists", "expansion_rules")}
    described["lists"].update({name: {"values": values[turn::2]} for name, values in LISTS.items()})
    for intent in described["intents"].values():
        for block in intent["data"]:
            domains = block.pop("requires_context", {}).get("domain", [])
            names = [name for domain in domains for name in NAMES[domain][turn::2]]
            block["lists"] = {"name": {"values": names}} if names else {}
    return hassil.Intents.from_dict(described)


def drawn(expression, lists, rules, chance):
    """One of the texts that a template allows; each choice is made for itself."""
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
        return part(chance.choice(lists[expression.list_name].values).text_in)
    raise TypeError(f"expand.py: a template has a {type(expression).__name__}, which is not known here")


def sentence(intents, block, template, chance):
    lists = {**intents.slot_lists, **block.slot_lists}
    rules = {**intents.expansion_rules, **block.expansion_rules}
    return " ".join(drawn(template.expression, lists, rules, chance).split())


def owners(intents, text):
    """The intents whose templates allow it."""
    return {found.intent.name for found in hassil.recognize_all(text, intents)}


def templates(intents, name):
    return [(block, template) for block in intents.intents[name].data for template in block.sentences]


def sentences(intents, name, chosen, wanted, taken, chance):
    """As many of these templates, by their numbers, that are this intent's alone and not taken, or fewer."""
    all_of_it, texts, left = templates(intents, name), [], list(chosen)
    while left and len(texts) < wanted:
        for number in left[: wanted - len(texts)]:
            for _ in range(TRIES):
                text = sentence(intents, *all_of_it[number], chance)
                if text.lower() not in taken and owners(intents, text) == {name}:
                    taken.add(text.lower())
                    texts.append(text)
                    break
            else:
                left.remove(number)
    return texts


def expand(described):
    """Rows of each intent that has enough."""
    for_documents, for_queries = closed(described, 0), closed(described, 1)
    for name in described["intents"]:
        chance = random.Random(name)
        numbers = list(range(len(templates(for_documents, name))))
        chance.shuffle(numbers)
        asked = max(1, int(len(numbers) * FOR_QUERIES))
        taken = set()
        queries = sentences(for_queries, name, numbers[:asked], MOST_QUERIES, taken, chance)
        documents = sentences(for_documents, name, numbers[asked:] or numbers, MOST_DOCUMENTS, taken, chance)
        if len(documents) >= FEWEST_DOCUMENTS and len(queries) >= FEWEST_QUERIES:
            yield from ((text, name, "document") for text in documents)
            yield from ((text, name, "query") for text in queries)


def main():
    data = pathlib.Path(home_assistant_intents.__file__).parent / "data" / "en.json"
    rows = list(expand(json.loads(data.read_text(encoding="utf-8"))))
    with open(sys.argv[1], "w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("text", "category", "role"), *rows])


if __name__ == "__main__":
    main()
