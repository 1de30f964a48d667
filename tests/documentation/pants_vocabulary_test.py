from __future__ import annotations

import json

import pytest

from documentation.pants_vocabulary import Parts, parts_of, problems, read_vocabulary

HELP_ALL = json.dumps(
    {
        "scope_to_help_info": {
            "": {
                "basic": [
                    {"scoped_cmd_line_args": ["-l", "--level"], "choices": ["debug", "info"]}
                ],
                "advanced": [{"scoped_cmd_line_args": ["--tag"], "choices": None}],
            },
            "weights": {
                "basic": [{"scoped_cmd_line_args": ["--weights-source"], "choices": ["seeded"]}],
                "advanced": [],
            },
        },
        "name_to_goal_info": {"test": {}, "lint": {}, "run": {}},
        "name_to_target_type_info": {"pte_program": {}},
    }
)
VOCABULARY = read_vocabulary(
    HELP_ALL, "//:tree\nmodels/a:one\nmodels/a/b_test.py:tests\ntools/foundry:foundry\n"
)


@pytest.mark.parametrize(
    "command",
    [
        "./pants --weights-source=seeded test models/a:one",
        "./pants --tag=nightly lint test ::",
        "./pants -ldebug test models/a::",
        "./pants test models:: //:tree",
        "./pants test ADDRESS_test",
        "./pants test models/a/b_test.py",
        "./pants test models/my::",
        "./pants run tools/foundry -- --help",
        "./pants run tools/foundry -- bench models/nothing:here --level=none",
        "./pants help pte_program",
        "./pants help test",
    ],
)
def test_what_pants_takes(command: str) -> None:
    assert problems(command, VOCABULARY) == []


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("./pants --weight-source=seeded test ::", "there is no option --weight-source"),
        ("./pants --weights-source=sown test ::", "--weights-source has no choice 'sown'"),
        ("./pants -lloud test ::", "-l has no choice 'loud'"),
        ("./pants pack ::", "it names no goal that exists"),
        ("./pants test model::", "nothing has the address model::"),
        ("./pants test models/a:two", "nothing has the address models/a:two"),
        ("./pants test models/a/c_test.py", "nothing has the address models/a/c_test.py"),
        ("./pants test models/mine::", "nothing has the address models/mine::"),
        ("./pants run tools/wench", "nothing has the address tools/wench"),
        ("./pants help pte_programme", "help knows no pte_programme"),
    ],
)
def test_what_pants_does_not_take(command: str, problem: str) -> None:
    assert problem in problems(command, VOCABULARY)


def test_a_tools_arguments_follow_the_dashes() -> None:
    command = "./pants --tag=a run tools/foundry -- bench int8 --program ADDRESS"
    assert parts_of(command, VOCABULARY.goals) == Parts(
        ("--tag=a",), ("run",), ("tools/foundry",), ("bench", "int8", "--program", "ADDRESS")
    )
