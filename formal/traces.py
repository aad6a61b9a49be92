"""Sequences of actions out of the model, for a replay on an implementation: reading TLC's walks, choosing, writing.

In each step an account does something of its own, or is delivered a message, or the network loses one; the step tells the
account's view afterwards. `README.md` describes the form.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import Any

NAMES = "?abcdefgh"
TOKENS = {"<<": "[", ">>": "]", "[": "{", "]": "}", "{": "[", "}": "]", "TRUE": "true", "FALSE": "false"}
TOKEN = re.compile(r'"[^"]*"|<<|>>|[\[\]{}]|TRUE|FALSE|(\w+) \|->')
VARIABLE = re.compile(r"^/\\ (\w+) = ((?:.|\n(?!/\\|\n))*)", re.MULTILINE)
Pair = tuple[str, str]


def read_value(text: str) -> Any:  # noqa: ANN401 - any value of TLA+
    """Read a value as TLC prints it: records become objects; sets, tuples and functions from 1 become lists."""
    return json.loads(TOKEN.sub(lambda match: f'"{match[1]}":' if match[1] else TOKENS.get(match[0], match[0]), text))


def read_walk(text: str) -> list[dict[str, Any]]:
    """Read the variables `step` and `shown` of each state of a walk."""
    states = text.split("STATE_")[1:]
    return [
        {name: read_value(value) for name, value in VARIABLE.findall(state) if name in {"step", "shown"}}
        for state in states
    ]


def name_accounts(numbers: Sequence[int]) -> list[str]:
    """Name accounts, in ascending order."""
    return [NAMES[number] for number in sorted(numbers)]


def write_message(message: dict[str, Any]) -> dict[str, Any]:
    """Write what a control message says; a snapshot stands for that of its epoch."""
    written: dict[str, Any] = {"kind": message["kind"], "from": NAMES[message["from"]], "to": NAMES[message["to"]]}
    match message["kind"]:
        case "snapshot":
            return written | {"epoch": message["snapshot"]["epoch"], "adds_you": message["addsYou"]}
        case "add":
            return written | {"epoch": message["epoch"], "who": name_accounts(message["accounts"])}
        case "leave":
            account, added = message["membership"]
            return written | {"account": NAMES[account], "added": added}
        case _:
            return written | {"epoch": message["epoch"]}


def write_view(shown: dict[str, Any]) -> dict[str, Any]:
    """Write what is compared of a view; its epoch is -1 if there is none."""
    members = {NAMES[account]: added for account, added in sorted(shown["members"])}
    removed = {NAMES[account]: [last_epoch, how] for account, last_epoch, how in sorted(shown["removed"])}
    counted = {"waiting": shown["waiting"], "in": shown["isIn"]}
    return {"epoch": shown["epoch"], "members": members, "removed": removed} | counted


def write_step(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Write what is done between two states, and the view of the account whose view changes."""
    step = after["step"]
    written: dict[str, Any] = {"action": step["action"]}
    written |= {name: NAMES[step[name]] for name in ("by", "who", "from", "to") if name in step}
    if "message" in step:
        written["message"] = write_message(step["message"])
    if step["action"] == "drop":
        return written
    actor = step.get("by") or step.get("to") or step["message"]["to"]
    was, now = before["shown"][actor - 1], after["shown"][actor - 1]
    again = [account for account, epoch in now["mine"] if [account, epoch] not in was["mine"]]
    if again and step["action"] != "add":
        written["adds_again"] = name_accounts(again)
    return written | {"view": write_view(now)}


def write_sequence(walk: list[dict[str, Any]]) -> dict[str, Any]:
    """Write the steps of a walk, and the views in which it ends."""
    views = {NAMES[number]: write_view(shown) for number, shown in enumerate(walk[-1]["shown"], start=1)}
    return {"steps": [write_step(before, after) for before, after in pairwise(walk)], "views": views}


def label(step: dict[str, Any]) -> str:
    """Name what is done in a step: a delivery by its kind of message."""
    return f"{step['action']} {step['message']['kind']}" if "message" in step else str(step["action"])


def find_pairs(steps: Sequence[dict[str, Any]]) -> set[Pair]:
    """Find which action comes before which in a sequence."""
    return set(combinations([label(step) for step in steps], 2))


def choose(sequences: Sequence[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """Choose sequences: each time that with most pairs of actions that are rare among those chosen, for its length."""
    pairs = [find_pairs(sequence["steps"]) for sequence in sequences]
    seen = Counter[Pair]()
    chosen: set[int] = set()

    def weigh(number: int) -> float:
        rareness = sum(math.pow(4, -seen[pair]) for pair in sorted(pairs[number]))
        return rareness / math.sqrt(len(sequences[number]["steps"]))

    for _ in range(count):
        best = max(set(range(len(sequences))) - chosen, key=lambda number: (weigh(number), -number))
        chosen.add(best)
        seen.update(pairs[best])
    return [sequences[number] for number in sorted(chosen)]


def write(walks: Sequence[str], *, count: int, head: dict[str, Any]) -> str:
    """Write the chosen sequences of walks, a step a line."""
    chosen = choose([write_sequence(read_walk(walk)) for walk in walks], count)
    texts = []
    for sequence in chosen:
        steps = ",\n  ".join(json.dumps(step) for step in sequence["steps"])
        texts.append(f'{{"steps": [\n  {steps}],\n "views": {json.dumps(sequence["views"])}}}')
    sequences = ",\n".join(texts)
    return f'{json.dumps(head)[:-1]}, "sequences": [\n{sequences}\n]}}\n'
