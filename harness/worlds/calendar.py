"""One person's week of appointments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from harness.worlds.world import RefusedError, World, steps

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random
    from re import Match

    from harness.core.chat import Json
    from harness.worlds.world import Plan

Day: TypeAlias = Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]
_DAY = "(?P<day>Monday|Tuesday|Wednesday|Thursday|Friday)"
_TIME = r"(?P<start>\d\d:\d\d)"
_OTHERS = ("Yoga", "Piano", "Chess", "Swimming", "Choir")
_LATEST = 24


def _events(answer: str, act: str = "", *more: str, day: bool = False) -> Callable[[Match[str]], Plan]:
    """Act on the appointments of a title, or of a day."""
    return steps(
        answer,
        act,
        lambda match, one: {"id": one["id"], **{name: match[name] for name in more}},
        find="list_events" if day else "find_events",
        by=lambda match: {"day": match["day"]} if day else {"text": match["title"]},
    )


def _when(match: Match[str]) -> Plan:
    (found,) = yield [("find_events", {"text": match["title"]})]
    return " ".join(f"{one['title']} is on {one['day']} at {one['start']}." for one in found)


class Calendar(World):
    """Events by their id: title, day, start, minutes and people."""

    introduction = "You keep a calendar of one week. Use the tools, then say in one sentence what you did."
    rules = (
        (
            rf'[Pp]ut "(?P<title>[^"]+)" on {_DAY} at {_TIME} for (?P<minutes>\d+) minutes',
            steps(
                "{title} is on {day} at {start}.",
                "add_event",
                lambda match, _: {**match.groupdict(), "minutes": int(match["minutes"])},
            ),
        ),
        (r'[Cc]ancel "(?P<title>[^"]+)"', _events("{title} is cancelled.", "cancel_event")),
        (
            rf'[Mm]ove "(?P<title>[^"]+)" to {_DAY} at {_TIME}',
            _events("{title} is moved to {day} at {start}.", "move_event", "day", "start"),
        ),
        (
            r'[Ii]nvite (?P<person>[A-Z]\w+) to "(?P<title>[^"]+)"',
            _events("{person} is invited to {title}.", "invite", "person"),
        ),
        (rf"[Cc]lear {_DAY}", _events("{day} is free.", "cancel_event", day=True)),
        (r'[Ww]hen is "(?P<title>[^"]+)"', _when),
        (
            rf"[Hh]ow many appointments are there on {_DAY}",
            _events("There are {number} appointments on {day}.", day=True),
        ),
    )

    def begin(self, rng: Random) -> dict[str, dict[str, Json]]:
        """Five fixed events, and on Friday one from the seed."""
        rows = [
            ("Dentist", "Monday", "09:00", 45, []),
            ("Budget meeting", "Monday", "14:00", 60, ["Ada"]),
            ("Lunch with Ben", "Tuesday", "12:30", 60, ["Ben"]),
            ("Review", "Wednesday", "10:00", 90, ["Ada", "Ben"]),
            ("Call the bank", "Thursday", "11:00", 15, []),
            (rng.choice(_OTHERS), "Friday", f"{rng.randrange(16, 20)}:00", 60, []),
        ]
        return {"events": {f"E{number}": _event(*row) for number, row in enumerate(rows, 1)}}

    def list_events(self, day: Day) -> Json:
        """All appointments of a day."""
        return self._found(lambda one: one["day"] == day)

    def find_events(self, text: str) -> Json:
        """The appointments whose title holds these words."""
        return self._found(lambda one: text.lower() in one["title"].lower())

    def add_event(self, title: str, day: Day, start: str, minutes: int) -> Json:
        """Add an appointment; start is written as 09:30."""
        self._refuse_malformed(start)
        name = f"E{len(self.state['events']) + 1}"
        while name in self.state["events"]:
            name = f"E{int(name[1:]) + 1}"
        self.state["events"][name] = _event(title, day, start, minutes, [])
        return {"id": name}

    def move_event(self, id: str, day: Day, start: str) -> Json:  # noqa: A002 - the tool's parameter is called so
        """Move an appointment to another day and time; start is written as 09:30."""
        self._refuse_malformed(start)
        self._event(id).update(day=day, start=start)
        return "moved"

    def cancel_event(self, id: str) -> Json:  # noqa: A002 - as above
        """Cancel an appointment."""
        self._event(id)
        del self.state["events"][id]
        return "cancelled"

    def invite(self, id: str, person: str) -> Json:  # noqa: A002 - as above
        """Invite a person to an appointment."""
        people = self._event(id)["people"]
        if person in people:
            raise RefusedError(f"{person} is invited already")
        people.append(person)
        return "invited"

    def _event(self, name: str) -> dict[str, Json]:
        return self._entry("events", name, f"there is no appointment {name}")

    def _found(self, fits: Json) -> Json:
        return [{"id": name, **one} for name, one in self.state["events"].items() if fits(one)]

    def _refuse_malformed(self, start: str) -> None:
        hour, _, minute = start.partition(":")
        if not (hour.isdecimal() and minute.isdecimal() and len(start) == len("09:30") and int(hour) < _LATEST):
            raise RefusedError("start must be written as 09:30")


def _event(title: str, day: str, start: str, minutes: int, people: list[str]) -> dict[str, Json]:
    return {"title": title, "day": day, "start": start, "minutes": minutes, "people": list(people)}
