"""What single and multiple choice share: options, their order in an attempt, and feedback.

Body: `{"multiple": bool, "options": [{"key", "text", "correct", "feedback"}]}`. In an attempt every option has an opaque id instead of its key; the order of
ids and options is frozen at the start as `{"options": [[id, key], …]}`. A response is a list of ids.
"""

import re
from typing import Any

from lms_graph.domain.assessment.rules.lots import Lot
from lms_graph.domain.assessment.rules.texts import Path, check_fields, check_text
from lms_graph.kit.errors import Invalid, Issue

MIN_OPTIONS, MAX_OPTIONS = 2, 20
MAX_TEXT = 1000
MAX_FEEDBACK = 2000
KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")

Body = dict[str, Any]
Sealed = dict[str, Any]


def check_options(body: Body, path: Path) -> list[Issue]:
    """Two to twenty options with distinct keys and texts."""
    issues = check_fields(body, path, known={"multiple", "options"}, needed={"options"})
    if issues:
        return issues
    options, path = body["options"], (*path, "options")
    if not isinstance(options, (list, tuple)) or not MIN_OPTIONS <= len(options) <= MAX_OPTIONS:
        return [Issue(f"`options` must list from {MIN_OPTIONS} to {MAX_OPTIONS} options.", path)]
    for place, option in enumerate(options):
        issues += _check_option(option, (*path, str(place)))
    if not issues:
        for name in ("key", "text"):
            seen: set[str] = set()
            for place, option in enumerate(options):
                if option[name].strip() in seen:
                    issues.append(Issue(f"Another option of this question has this `{name}`.", (*path, str(place), name)))
                seen.add(option[name].strip())
    return issues


def _check_option(option: Any, path: Path) -> list[Issue]:
    issues = check_fields(option, path, known={"key", "text", "correct", "feedback"}, needed={"key", "text"})
    if issues:
        return issues
    if not isinstance(option["key"], str) or not KEY.fullmatch(option["key"]):
        issues.append(Issue("`key` must have from 1 to 80 letters, digits, dots, hyphens and underscores, and begin with a letter or digit.", (*path, "key")))
    issues += check_text(option["text"], (*path, "text"), longest=MAX_TEXT)
    if not isinstance(option.get("correct", False), bool):
        issues.append(Issue("`correct` must be true or false.", (*path, "correct")))
    if option.get("feedback") is not None:
        issues += check_text(option["feedback"], (*path, "feedback"), longest=MAX_FEEDBACK)
    return issues


def normal(body: Body) -> Body:
    """A checked body with every field in its place."""
    options = [{"key": o["key"], "text": o["text"], "correct": o.get("correct", False), "feedback": o.get("feedback")} for o in body["options"]]
    return {"multiple": body.get("multiple", False), "options": options}


def correct_keys(body: Body) -> set[str]:
    return {option["key"] for option in body["options"] if option.get("correct", False)}


def seal(body: Body, name: str, lot: Lot, *, shuffle: bool) -> Sealed:
    """The options' ids and order in one attempt."""
    keys = [option["key"] for option in body["options"]]
    if shuffle:
        keys = lot.shuffled(keys, lambda key: f"{name}\x1f{key}", purpose="option")
    return {"options": [[lot.opaque_id(name, key), key] for key in keys]}


def view(body: Body, sealed: Sealed) -> dict[str, Any]:
    """What the learner sees: ids and texts, and whether several may be chosen."""
    texts = {option["key"]: option["text"] for option in body["options"]}
    return {"multiple": body["multiple"], "options": [{"id": id, "text": texts[key]} for id, key in sealed["options"]]}


def read(sealed: Sealed, response: dict[str, Any], path: Path, *, most: int) -> list[str]:
    """The chosen ids, each once, in the order of the options; an empty list takes the answer back. Raises Invalid."""
    chosen = response.get("choice")
    if not isinstance(chosen, list) or any(not isinstance(id, str) for id in chosen):
        raise Invalid(Issue("This question is answered by `choice`: a list of option ids.", path))
    ids = [id for id, _ in sealed["options"]]
    if unknown := set(chosen) - set(ids):
        raise Invalid(Issue(f"No option of this question in this attempt has the id `{min(unknown)[:80]}`.", (*path, "choice")))
    if len(set(chosen)) > most:
        raise Invalid(Issue("Choose one option." if most == 1 else f"Choose at most {most} options.", (*path, "choice")))
    return [id for id in ids if id in chosen]


def chosen_keys(sealed: Sealed, response: list[str]) -> set[str]:
    return {key for id, key in sealed["options"] if id in response}


def feedback(body: Body, sealed: Sealed, response: list[str]) -> str | None:
    """What the author says of the chosen options, in the order of the attempt; never of the others."""
    words = {option["key"]: option["feedback"] for option in body["options"]}
    said = [words[key] for id, key in sealed["options"] if id in response and words[key]]
    return "\n\n".join(said) or None
