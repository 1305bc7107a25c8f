"""Worlds: small places with a state, whose tools really change it. A task is judged by the state that it leaves."""

from harness.worlds.calendar import Calendar
from harness.worlds.files import Files
from harness.worlds.shop import Shop
from harness.worlds.tickets import Tickets
from harness.worlds.world import RefusedError, World

WORLDS: dict[str, type[World]] = {"calendar": Calendar, "files": Files, "shop": Shop, "tickets": Tickets}
"""Those that come with the package, by the name that a suite gives them."""

__all__ = ["WORLDS", "Calendar", "Files", "RefusedError", "Shop", "Tickets", "World"]
