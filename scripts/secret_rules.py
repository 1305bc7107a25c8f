"""Make harness/cassette/secrets/rules.json from gitleaks' rules.

    git clone https://github.com/gitleaks/gitleaks /tmp/gitleaks
    python scripts/secret_rules.py /tmp/gitleaks

A rule becomes one of two kinds. ``prefixed``: keys that begin with a literal, which is searched for first; the pattern
is then matched from there. ``named``: a value of a certain form behind a name such as ``dropbox_token``. Go's regular
expressions are rewritten for Python's, and each open repetition gets an upper bound, so that a match takes bounded
time. What fits neither kind is left out, with the reason.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from itertools import product
from pathlib import Path
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]

TARGET = Path(__file__).parents[1] / "harness" / "cassette" / "secrets" / "rules.json"
SEPARATOR = r"""(?:=|>|:{1,3}=|\|\||:|=>|\?=|,)[\x60'"\s=]{0,5}"""
TERMINATORS = (
    r"""(?:[\x60'"\s;]|\\[nr]|$|\b)""",
    r"""(?:[\x60'"\s;]|\\[nr]|$)""",
    r"""(?:[^\w-]|\z)""",
    r"""(?:[^a-zA-Z0-9+/]|\z)""",
)
END = "(?![A-Za-z0-9_])"
MOST = 2048
SHORTEST = 3
MOST_VARIANTS = 4
OTHERWISE = {
    "generic-api-key": "the rule of our own for values behind a name such as api_key stands for it",
    "hashicorp-tf-password": "any password of ordinary text; a field called password is redacted by its name",
    "kubernetes-secret-yaml": "the values of such a file are base64, which is read and searched",
    "private-key": "the rule of our own is for private keys of every kind, cut ones too",
    "curl-auth-header": "the rule of our own for Authorization headers in text stands for it",
    "curl-auth-user": "too many ordinary command lines",
    "jwt": "the rule of our own stands for it",
    "jwt-base64": "base64 is read, and what stands in it is searched",
    "openai-api-key": "the rule of our own for sk- keys stands for it",
    "anthropic-api-key": "the rule of our own for sk- keys stands for it",
    "anthropic-admin-api-key": "the rule of our own for sk- keys stands for it",
    "huggingface-access-token": "the rule of our own takes digits too",
    "gcp-api-key": "the rule of our own stands for it",
    "microsoft-teams-webhook": "the rule of our own begins at its host",
    "slack-webhook-url": "the rule of our own begins at its host",
    "sidekiq-sensitive-url": "a password in a URL, of any host, is found",
    "freemius-secret-key": "the rule of our own for values behind a name stands for it",
    "nuget-config-password": "a field called password is redacted by its name",
    "twilio-api-key": "it begins with two letters only; the named rule of our own stands for it",
}


class UnfitError(Exception):
    """A rule that is of neither kind, with the reason."""


def main(folder: Path) -> None:
    head = subprocess.run(
        ["git", "-C", str(folder), "log", "-1", "--format=%H %cs"], capture_output=True, text=True, check=True
    ).stdout.split()
    show = ["git", "-C", str(folder), "show"]
    config = subprocess.run([*show, "HEAD:config/gitleaks.toml"], capture_output=True, text=True, check=True).stdout
    licence = subprocess.run([*show, "HEAD:LICENSE"], capture_output=True, text=True, check=True).stdout
    made: dict[str, object] = {
        "source": "https://github.com/gitleaks/gitleaks, config/gitleaks.toml",
        "commit": head[0],
        "date": head[1],
        "licence": licence,
        "made_by": "scripts/secret_rules.py",
    }
    prefixed, named, left = [], [], dict(OTHERWISE)
    for rule in tomllib.loads(config)["rules"]:
        name = rule["id"]
        if name in OTHERWISE:
            continue
        try:
            (named if SEPARATOR in rule.get("regex", "") else prefixed).append(_converted(rule))
        except UnfitError as reason:
            left[name] = str(reason)
    made |= {"prefixed": prefixed, "named": named, "left_out": left}
    TARGET.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{len(prefixed)} prefixed, {len(named)} named, {len(left)} left out")


def _converted(rule: dict[str, object]) -> dict[str, object]:
    regex = str(rule.get("regex") or "")
    if not regex:
        raise UnfitError("it looks at file names")
    entropy = {"entropy": rule["entropy"]} if rule.get("entropy") else {}
    name = str(rule["id"])
    if SEPARATOR in regex:
        head, _, tail = regex.partition(SEPARATOR)
        keywords = _keywords(head)
        value = _python(_without_end(tail.partition("|\\b(")[0]))
        ignore = "(?i" in head
        if ":" in value.replace("(?:", "") or "%" in value:
            raise UnfitError("its values are no run of letters")
        re.compile(value)
        return {"name": name, "names": keywords, "value": value, "ignore_case": ignore, **entropy}
    ignore = regex.startswith("(?i)")
    pattern = _python(_without_end(regex.removeprefix("(?i)")))
    boundary = pattern.startswith(r"\b")
    pattern = pattern.removeprefix(r"\b")
    starts, pattern = _branches(pattern, ignore=ignore)
    return {
        "name": name,
        "starts": starts,
        "pattern": pattern,
        "boundary": boundary,
        "ignore_case": ignore,
        **entropy,
    }


def _keywords(head: str) -> list[str]:
    inner = re.search(r"\[\\w\.-\]\{0,50\}\?\(\?:(.*)\)\(\?:\[ \\t\\w\.-\]\{0,20\}\)", head)
    if inner is None:
        raise UnfitError("its name can't be read")
    text = inner[1]
    found = {"".join(map(chr, one)).lower() for one in _texts(parser.parse(text, re.IGNORECASE))}
    if any(len(one) < SHORTEST for one in found):
        raise UnfitError("its name is too short")
    return sorted(one for one in found if re.fullmatch(r"[\w. -]+", one))


def _without_end(regex: str) -> str:
    for end in TERMINATORS:
        regex = regex.replace(end, END)
    return regex


def _python(regex: str) -> str:
    """Go's syntax as Python's: ``(?i)`` in the middle becomes a group, open repetitions are bounded."""
    regex = regex.replace("[[:alnum:]]", "[A-Za-z0-9]").replace(r"\z", r"\Z").replace("$", r"\Z")
    regex = re.sub(r"\(\?P<\w+>", "(?:", regex)
    made, opened, place, in_class = "", [0], 0, False
    while place < len(regex):
        letter = regex[place]
        if letter == "\\":
            made += regex[place : place + 2]
            place += 2
            continue
        if in_class:
            in_class = letter != "]"
        elif letter == "[":
            in_class = True
        elif regex.startswith("(?i)", place):
            made += "(?i:"
            opened[-1] += 1
            place += 4
            continue
        elif letter == "(":
            opened.append(0)
        elif letter == ")":
            made += ")" * opened.pop()
        elif letter in "+*" and (made[-1:] in {"]", ")", "."} or made[-2:-1] == "\\"):
            made += f"{{{int(letter == '+')},{MOST}}}"
            place += 1
            continue
        made += letter
        place += 1
    made += ")" * opened.pop()
    return re.sub(r"\{(\d+),\}", lambda found: f"{{{found[1]},{int(found[1]) + MOST}}}", made)


def _branches(pattern: str, *, ignore: bool) -> tuple[list[str], str]:
    """The literals that a match begins with."""
    starts = {"".join(map(chr, one)) for one in _starts(list(parser.parse(pattern)))}
    if ignore:
        starts |= {one.lower() for one in starts}
    short = sorted(one for one in starts if len(one) < SHORTEST)
    if short:
        raise UnfitError(f"it begins with {short[0]!r}, which stands everywhere")
    return sorted(starts), pattern


def _starts(items: list[object]) -> list[tuple[int, ...]]:
    found: list[tuple[int, ...]] = [()]
    for place, (kind, value) in enumerate(items):  # type: ignore[misc]
        if kind is sre.LITERAL:
            found = [(*one, value) for one in found]
        elif kind is sre.IN and len(value) <= MOST_VARIANTS and all(one[0] is sre.LITERAL for one in value):
            found = [(*one, inner[1]) for one, inner in product(found, value)]
        elif kind is sre.SUBPATTERN:
            return [(*one, *inner) for one, inner in product(found, _starts([*value[3], *items[place + 1 :]]))]
        elif kind is sre.BRANCH:
            rest = items[place + 1 :]
            inner = [text for branch in value[1] for text in _starts([*branch, *rest])]
            return [(*one, *text) for one, text in product(found, inner)]
        elif kind is sre.AT and value is sre.AT_BOUNDARY:
            continue
        elif kind is sre.MAX_REPEAT and value[0] == 0 and not any(found):
            inner = _starts([*value[2], *items[place + 1 :]])
            return [*inner, *_starts(items[place + 1 :])]
        else:
            break
    return list(dict.fromkeys(found))


def _texts(items: object) -> list[tuple[int, ...]]:
    """All literals that an alternation of words stands for, case aside."""
    found: list[tuple[int, ...]] = [()]
    for kind, value in items:  # type: ignore[attr-defined]
        if kind is sre.LITERAL:
            inner = [(value,)]
        elif kind is sre.IN:
            inner = [(one[1],) for one in value if one[0] is sre.LITERAL]
        elif kind is sre.SUBPATTERN:
            inner = _texts(value[3])
        elif kind is sre.BRANCH:
            inner = [text for branch in value[1] for text in _texts(branch)]
        elif kind is sre.MAX_REPEAT and value[:2] == (0, 1):
            inner = [(), *_texts(value[2])]
        else:
            raise UnfitError("its name is no list of words")
        found = [(*one, *text) for one, text in product(found, inner)]
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]))
