#!/usr/bin/env python3
"""commands.py PAGE…: each command that begins with mesh or meshd in a code block of the pages, or between backticks,
exists: its help names the command and each flag. The tools are those of PATH."""
import re
import shlex
import subprocess
import sys


def help_of(*words):
    return subprocess.run([*words, "--help"], capture_output=True, text=True, check=False).stdout


EVERYWHERE = help_of("mesh")


def shown(page):
    """(line, command) of code blocks, and of what stands between backticks in the text."""
    begun, text = 0, ""
    with open(page, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if text or line.startswith("    "):
                begun, text = begun if text else number, text + line.strip()
                if text.endswith("\\"):  # goes on
                    text = text[:-1]
                    continue
                yield begun, text
                text = ""
            else:
                for quoted in re.findall(r"`([^`]+)`", line):
                    yield number, quoted


def commands(text):
    """The words of each command of a line of shell that is of mesh or meshd."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars="|&;<>()")
    lexer.whitespace_split = True
    words = []
    for word in [*lexer, ";"]:
        if re.fullmatch(r"[|&;<>()]+", word):
            while words and re.match(r"\w+=|(sudo|timeout|nohup|until|exec|then|do)$", words[0]):
                words = words[2 if words[0] == "timeout" else 1:]
            if words and words[0] in ("mesh", "meshd"):
                yield words
            words = []
        else:
            words.append(word)


def missing(words):
    """What of a command there is not, or nothing."""
    known = EVERYWHERE if words[0] == "mesh" else ""
    page = help_of(words[0])
    path = [words[0]]
    for word in words[1:] if words[0] == "mesh" else []:
        below = re.search(r"^Usage: mesh .*COMMAND", page, re.M)
        if word.startswith("-") or not below:
            break
        if not re.search(rf"^  {re.escape(word)}  ", page, re.M):
            # A verb with commands may take a word of its own, as `mesh backup DIR`.
            if f"{' '.join(path)} [" in page:
                break
            return f"`{' '.join([*path, word])}` is no command"
        path.append(word)
        page = help_of(*path)
    for word in words[len(path):]:
        flag = word.split("=")[0]
        if re.match(r"--?[a-z]", flag) and not re.search(rf"(?<![\w-]){re.escape(flag)}(?![\w-])", page + known):
            return f"`{' '.join(path)}` has no {flag}"
    return None


def main():
    found, wrong = 0, []
    for page in sys.argv[1:]:
        for number, text in shown(page):
            try:
                parsed = list(commands(text))
            except ValueError:  # a quotation over several lines
                continue
            for words in parsed:
                found += 1
                if what := missing(words):
                    wrong.append(f"{page}:{number}: {what}")
    if wrong or not found:
        sys.exit("runbooks: FAILED: " + "\n".join(wrong or ["no command was found"]))
    print(f"runbooks: {found} commands exist")


main()
