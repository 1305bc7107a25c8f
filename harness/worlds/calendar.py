"""One person's week of appointments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from harness.worlds.world import RefusedError, World

if TYPE_CHECKING:
    from random import Random
    from re import Match

    from harness.core.chat import Json
    from harness.worlds.world import Plan

Day: TypeAlias = Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]
_DAY = "(?P<day>Monday|Tuesday|Wednesday|Thursday|Friday)"
_TIME = r"(?P<start>\d\d:\d\d)"
_OTHERS = ("Yoga", "Piano", "Chess", "Swimming", "Choir")
_LATEST = 24


def _add(match: Match[str]) -> Plan:
    words = {"title": match["title"], "day": match["day"], "start": match["start"], "minutes": int(match["minutes"])}
    yield [("add_event", words)]
    return f"{match['title']} is on {match['day']} at {match['start']}."


def _cancel(match: Match[str]) -> Plan:
    (found,) = yield [("find_events", {"text": match["title"]})]
    yield [("cancel_event", {"id": one["id"]}) for one in found]
    return f"{match['title']} is cancelled."


def _move(match: Match[str]) -> Plan:
    (found,) = yield [("find_events", {"text": match["title"]})]
    yield [("move_event", {"id": one["id"], "day": match["day"], "start": match["start"]}) for one in found]
    return f"{match['title']} is moved to {match['day']} at {match['start']}."


def _invite(match: Match[str]) -> Plan:
    (found,) = yield [("find_events", {"text": match["title"]})]
    yield [("invite", {"id": one["id"], "person": match["person"]}) for one in found]
    return f"{match['person']} is invited to {match['title']}."


def _clear(match: Match[str]) -> Plan:
    (found,) = yield [("list_events", {"day": match["day"]})]
    yield [("cancel_event", {"id": one["id"]}) for one in found]
    return f"{match['day']} is free."


def _when(match: Match[str]) -> Plan:
    (found,) = yield [("find_events", {"text": match["title"]})]
    return " ".join(f"{one['title']} is on {one['day']} at {one['start']}." for one in found)


def _count(match: Match[str]) -> Plan:
    (found,) = yield [("list_events", {"day": match["day"]})]
    return f"There are {len(found)} appointments on {match['day']}."


class Calendar(World):
    """Events by their id: title, day, start, minutes and people."""

    introduction = "You keep a calendar of one week. Use the tools, then say in one sentence what you did."
    rules = (
        (rf'[Pp]ut "(?P<title>[^"]+)" on {_DAY} at {_TIME} for (?P<minutes>\d+) minutes', _add),
        (r'[Cc]ancel "(?P<title>[^"]+)"', _cancel),
        (rf'[Mm]ove "(?P<title>[^"]+)" to {_DAY} at {_TIME}', _move),
        (r'[Ii]nvite (?P<person>[A-Z]\w+) to "(?P<title>[^"]+)"', _invite),
        (rf"[Cc]lear {_DAY}", _clear),
        (r'[Ww]hen is "(?P<title>[^"]+)"', _when),
        (rf"[Hh]ow many appointments are there on {_DAY}", _count),
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
        self._refuse_odd(start)
        name = f"E{len(self.state['events']) + 1}"
        while name in self.state["events"]:
            name = f"E{int(name[1:]) + 1}"
        self.state["events"][name] = _event(title, day, start, minutes, [])
        return {"id": name}

    def move_event(self, id: str, day: Day, start: str) -> Json:  # noqa: A002 - the tool's parameter is called so
        """Move an appointment to another day and time; start is written as 09:30."""
        self._refuse_odd(start)
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
        if name not in self.state["events"]:
            raise RefusedError(f"there is no appointment {name}")
        found: dict[str, Json] = self.state["events"][name]
        return found

    def _found(self, fits: Json) -> Json:
        return [{"id": name, **one} for name, one in self.state["events"].items() if fits(one)]

    def _refuse_odd(self, start: str) -> None:
        hour, _, minute = start.partition(":")
        if not (hour.isdecimal() and minute.isdecimal() and len(start) == len("09:30") and int(hour) < _LATEST):
            raise RefusedError("start must be written as 09:30")


def _event(title: str, day: str, start: str, minutes: int, people: list[str]) -> dict[str, Json]:
    return {"title": title, "day": day, "start": start, "minutes": minutes, "people": list(people)}
