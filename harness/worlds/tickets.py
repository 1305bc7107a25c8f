"""A team's list of tickets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from harness.worlds.world import RefusedError, World

if TYPE_CHECKING:
    from random import Random
    from re import Match

    from harness.core.chat import Json
    from harness.worlds.world import Plan

Priority: TypeAlias = Literal["low", "normal", "high"]
_TEAM = ("Ada", "Ben", "Cleo")
_WHAT = r"the ticket about the (?P<what>[a-z ]+?)"


def _create(match: Match[str]) -> Plan:
    yield [("create_ticket", {"title": match["title"], "priority": match["priority"]})]
    return f'"{match["title"]}" is created.'


def _close(match: Match[str]) -> Plan:
    (found,) = yield [("find_tickets", {"text": match["what"]})]
    yield [("close_ticket", {"id": one["id"]}) for one in found]
    return f"The ticket about the {match['what']} is closed."


def _assign(match: Match[str]) -> Plan:
    (found,) = yield [("find_tickets", {"text": match["what"]})]
    yield [("assign_ticket", {"id": one["id"], "person": match["person"]}) for one in found]
    return f"{match['person']} has the ticket about the {match['what']}."


def _hand_over(match: Match[str]) -> Plan:
    (found,) = yield [("find_tickets", {"text": "", "person": match["one"]})]
    yield [("assign_ticket", {"id": one["id"], "person": match["other"]}) for one in found]
    return f"{match['other']} has {len(found)} more tickets."


def _prioritise(match: Match[str]) -> Plan:
    (found,) = yield [("find_tickets", {"text": match["what"]})]
    yield [("set_priority", {"id": one["id"], "priority": match["priority"]}) for one in found]
    return f"The priority is {match['priority']}."


def _comment(match: Match[str]) -> Plan:
    yield [("comment", {"id": match["id"], "text": match["text"]})]
    return f"{match['id']} has a comment."


def _whose(match: Match[str]) -> Plan:
    (found,) = yield [("find_tickets", {"text": match["what"]})]
    return f"{found[0]['person']} has it."


class Tickets(World):
    """Tickets by their id: title, priority, person, status and comments."""

    introduction = "You keep the tickets of Ada, Ben and Cleo. Use the tools, then say in one sentence what you did."
    rules = (
        (r'[Cc]reate a ticket "(?P<title>[^"]+)" of (?P<priority>low|normal|high) priority', _create),
        (rf"[Cc]lose {_WHAT}[.,]", _close),
        (rf"[Aa]ssign {_WHAT} to (?P<person>[A-Z]\w+)", _assign),
        (r"[Gg]ive all open tickets of (?P<one>[A-Z]\w+) to (?P<other>[A-Z]\w+)", _hand_over),
        (rf"[Ss]et the priority of {_WHAT} to (?P<priority>low|normal|high)", _prioritise),
        (r'[Cc]omment "(?P<text>[^"]+)" on (?P<id>T\d+)', _comment),
        (rf"[Ww]ho has {_WHAT}\?", _whose),
    )

    def begin(self, rng: Random) -> dict[str, dict[str, Json]]:
        """Five fixed tickets, and one that the seed gives to someone."""
        rows = [
            ("The printer is broken", "high", "Ada", "open"),
            ("The door sticks", "low", "Ben", "open"),
            ("New chairs are needed", "normal", "Ben", "open"),
            ("The heating is cold", "high", "Cleo", "open"),
            ("The old printer is sold", "low", "Ada", "closed"),
            ("The plants are dry", "low", rng.choice(_TEAM[::2]), "open"),
        ]
        return {"tickets": {f"T{number}": _ticket(*row) for number, row in enumerate(rows, 1)}}

    def find_tickets(self, text: str, person: str = "") -> Json:
        """The open tickets whose title holds these words, of a person if one is given."""
        return [
            {"id": name, **one}
            for name, one in self.state["tickets"].items()
            if one["status"] == "open" and text.lower() in one["title"].lower() and person in {"", one["person"]}
        ]

    def create_ticket(self, title: str, priority: Priority = "normal") -> Json:
        """Create a ticket of nobody's."""
        name = f"T{len(self.state['tickets']) + 1}"
        self.state["tickets"][name] = _ticket(title, priority, "", "open")
        return {"id": name}

    def assign_ticket(self, id: str, person: str) -> Json:  # noqa: A002 - the tool's parameter is called so
        """Give a ticket to a person of the team."""
        if person not in _TEAM:
            raise RefusedError(f"{person} is not in the team; it is {', '.join(_TEAM)}")
        self._ticket(id)["person"] = person
        return "assigned"

    def set_priority(self, id: str, priority: Priority) -> Json:  # noqa: A002 - as above
        """Give a ticket another priority."""
        self._ticket(id)["priority"] = priority
        return "set"

    def comment(self, id: str, text: str) -> Json:  # noqa: A002 - as above
        """Add a comment to a ticket."""
        self._ticket(id)["comments"].append(text)
        return "added"

    def close_ticket(self, id: str) -> Json:  # noqa: A002 - as above
        """Close an open ticket."""
        one = self._ticket(id)
        if one["status"] == "closed":
            raise RefusedError(f"{id} is closed already")
        one["status"] = "closed"
        return "closed"

    def _ticket(self, name: str) -> dict[str, Json]:
        if name not in self.state["tickets"]:
            raise RefusedError(f"there is no ticket {name}")
        found: dict[str, Json] = self.state["tickets"][name]
        return found


def _ticket(title: str, priority: str, person: str, status: str) -> dict[str, Json]:
    return {"title": title, "priority": priority, "person": person, "status": status, "comments": []}
