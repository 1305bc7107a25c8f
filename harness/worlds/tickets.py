"""A team's list of tickets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from harness.worlds.world import RefusedError, World, steps

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random
    from re import Match

    from harness.core.chat import Json
    from harness.worlds.world import Plan

Priority: TypeAlias = Literal["low", "normal", "high"]
_TEAM = ("Ada", "Ben", "Cleo")
_WHAT = r"the ticket about the (?P<what>[a-z ]+?)"


def _found(answer: str, act: str = "", *more: str) -> Callable[[Match[str]], Plan]:
    """Act on the tickets about something."""
    return steps(
        answer,
        act,
        lambda match, one: {"id": one["id"], **{name: match[name] for name in more}},
        find="find_tickets",
        by=lambda match: {"text": match["what"]},
    )


class Tickets(World):
    """Tickets by their id: title, priority, person, status and comments."""

    introduction = "You keep the tickets of Ada, Ben and Cleo. Use the tools, then say in one sentence what you did."
    rules = (
        (
            r'[Cc]reate a ticket "(?P<title>[^"]+)" of (?P<priority>low|normal|high) priority',
            steps('"{title}" is created.', "create_ticket"),
        ),
        (
            rf"[Cc]lose {_WHAT}[.,]",
            _found("The ticket about the {what} is closed.", "close_ticket"),
        ),
        (
            rf"[Aa]ssign {_WHAT} to (?P<person>[A-Z]\w+)",
            _found("{person} has the ticket about the {what}.", "assign_ticket", "person"),
        ),
        (
            r"[Gg]ive all open tickets of (?P<one>[A-Z]\w+) to (?P<other>[A-Z]\w+)",
            steps(
                "{other} has {number} more tickets.",
                "assign_ticket",
                lambda match, one: {"id": one["id"], "person": match["other"]},
                find="find_tickets",
                by=lambda match: {"text": "", "person": match["one"]},
            ),
        ),
        (
            rf"[Ss]et the priority of {_WHAT} to (?P<priority>low|normal|high)",
            _found("The priority is {priority}.", "set_priority", "priority"),
        ),
        (r'[Cc]omment "(?P<text>[^"]+)" on (?P<id>T\d+)', steps("{id} has a comment.", "comment")),
        (rf"[Ww]ho has {_WHAT}\?", _found("{found[0][person]} has it.")),
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
        return self._entry("tickets", name, f"there is no ticket {name}")


def _ticket(title: str, priority: str, person: str, status: str) -> dict[str, Json]:
    return {"title": title, "priority": priority, "person": person, "status": status, "comments": []}
