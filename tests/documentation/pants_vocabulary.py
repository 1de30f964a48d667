"""Whether a documented command makes sense to Pants: its options, goals and targets exist."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

# What a reader replaces: ADDRESS, ADDRESS_test, <name>.
_PLACEHOLDER = re.compile(r"[A-Z]{2,}|<[a-z]+>")
# What a reader creates with the previous command.
_READERS_OWN = frozenset({"models/my::"})
# Goals that Pants does not list, because they are about Pants itself.
_HELP = frozenset({"help", "help-all"})


@dataclass(frozen=True)
class Vocabulary:
    """options: flag to its choices, or None if any value will do.
    topics: what `help` explains besides goals: target types and scopes of options.
    """

    options: Mapping[str, frozenset[str] | None]
    goals: frozenset[str]
    topics: frozenset[str]
    addresses: frozenset[str]


def read_vocabulary(help_all: str, listed: str) -> Vocabulary:
    """From the outputs of `./pants help-all` and of `./pants list ::`."""
    explained = json.loads(help_all)
    options: dict[str, frozenset[str] | None] = {}
    for scope in explained["scope_to_help_info"].values():
        for option in (*scope["basic"], *scope["advanced"]):
            choices = option["choices"]
            for flag in option["scoped_cmd_line_args"]:
                options[flag] = frozenset(choices) if choices else None
    return Vocabulary(
        options=options,
        goals=frozenset(explained["name_to_goal_info"]),
        topics=frozenset(explained["name_to_target_type_info"])
        | frozenset(explained["scope_to_help_info"]),
        addresses=frozenset(listed.split()),
    )


@dataclass(frozen=True)
class Parts:
    """A command line of Pants, taken apart. `tool_arguments` follow `--`."""

    flags: tuple[str, ...]
    goals: tuple[str, ...]
    specs: tuple[str, ...]
    tool_arguments: tuple[str, ...]


def parts_of(command: str, goals: Iterable[str]) -> Parts:
    _, *words = shlex.split(command)
    known = {*goals, *_HELP}
    own, behind = _split(words)
    flags = tuple(word for word in own if word.startswith("-"))
    plain = [word for word in own if not word.startswith("-")]
    number = next((i for i, word in enumerate(plain) if word not in known), len(plain))
    if plain and plain[0] in _HELP:
        number = 1  # `help test` explains the goal `test`
    return Parts(flags, tuple(plain[:number]), tuple(plain[number:]), tuple(behind))


def problems(command: str, vocabulary: Vocabulary) -> list[str]:
    """Why Pants would not take the command, one line for each reason."""
    parts = parts_of(command, vocabulary.goals)
    found = list(_wrong_flags(parts.flags, vocabulary.options))
    if not parts.goals:
        found.append("it names no goal that exists")
    if "help" in parts.goals:
        known = vocabulary.topics | vocabulary.goals
        found += [f"help knows no {word}" for word in parts.specs if word not in known]
    else:
        found += [
            f"nothing has the address {spec}"
            for spec in parts.specs
            if not _PLACEHOLDER.search(spec)
            and spec not in _READERS_OWN
            and not _matches(spec, vocabulary.addresses)
        ]
    return found


def _wrong_flags(flags: Iterable[str], known: Mapping[str, frozenset[str] | None]) -> Iterator[str]:
    for flag in flags:
        # `-ldebug` is `-l` with its value.
        name, _, value = flag.partition("=") if flag.startswith("--") else (flag[:2], "", flag[2:])
        choices = known.get(name)
        if name not in known:
            yield f"there is no option {name}"
        elif choices and not _PLACEHOLDER.search(value) and value not in choices:
            yield f"{name} has no choice {value!r}"


def _matches(spec: str, addresses: frozenset[str]) -> bool:
    if spec.endswith("::"):
        folder = spec[:-2]
        return any(
            address.startswith((f"{folder}:", f"{folder}/")) or not folder for address in addresses
        )
    if spec.endswith(".py"):
        # A file stands for its targets, tests/a_test.py:tests.
        return any(address.startswith(f"{spec}:") for address in addresses)
    return spec in addresses or f"{spec}:{spec.rpartition('/')[2]}" in addresses


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    place = words.index("--") if "--" in words else len(words)
    return words[:place], words[place + 1 :]
