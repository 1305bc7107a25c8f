"""A small shop: articles with price and stock, and orders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.worlds.world import RefusedError, World, steps

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random
    from re import Match

    from harness.core.chat import Json
    from harness.worlds.world import Plan

_FIXED = {
    "P1": {"name": "desk lamp", "price": 30, "stock": 12},
    "P2": {"name": "floor lamp", "price": 80, "stock": 2},
    "P3": {"name": "kettle", "price": 25, "stock": 7},
    "P4": {"name": "teapot", "price": 18, "stock": 0},
    "P5": {"name": "mug", "price": 6, "stock": 40},
}
_ARTICLE = r"(?P<name>[a-z ]+?)s?"


def _articles(answer: str, act: str = "", *numbers: str) -> Callable[[Match[str]], Plan]:
    """Act on the first article of a name, with these numbers of the task."""
    return steps(
        answer,
        act,
        lambda match, one: {"article": one["id"], **{name: int(match[name]) for name in numbers}},
        find="search_articles",
        by=lambda match: {"text": match["name"]},
    )


def _order_if(match: Match[str]) -> Plan:
    (found,) = yield [("search_articles", {"text": match["name"]})]
    if found[0]["price"] >= int(match["price"]):
        return f"A {match['name']} costs {found[0]['price']}, so nothing is ordered."
    yield [("order", {"article": found[0]["id"], "quantity": int(match["quantity"])})]
    return f"{match['quantity']} of {match['name']} are ordered."


def _total(match: Match[str]) -> Plan:
    del match
    (orders,) = yield [("list_orders", {})]
    return f"All open orders together cost {sum(one['total'] for one in orders)}."


def _restock(match: Match[str]) -> Plan:
    (found,) = yield [("search_articles", {"text": ""})]
    empty = [one["id"] for one in found if one["stock"] == 0]
    yield [("restock", {"article": one, "quantity": int(match["quantity"])}) for one in empty]
    return f"{len(empty)} articles are restocked."


class Shop(World):
    """Articles and orders by their id."""

    introduction = "You run a small shop. Use the tools, then say in one sentence what you did."
    rules = (
        (rf"[Oo]rder (?P<quantity>\d+) {_ARTICLE} if one costs less than (?P<price>\d+)", _order_if),
        (
            rf"[Oo]rder (?P<quantity>\d+) {_ARTICLE}[.,]",
            _articles("{quantity} of {name} are ordered.", "order", "quantity"),
        ),
        (r"[Cc]ancel the order (?P<order>O\d+)", steps("Order {order} is cancelled.", "cancel_order")),
        (rf"[Ww]hat does a {_ARTICLE} cost", _articles("A {name} costs {found[0][price]}.")),
        (
            rf"[Ss]et the price of the {_ARTICLE} to (?P<price>\d+)",
            _articles("The {name} costs {price} now.", "set_price", "price"),
        ),
        (r"[Ww]hat do all open orders cost together", _total),
        (r"[Rr]estock every article that is out of stock with (?P<quantity>\d+)", _restock),
    )

    def begin(self, rng: Random) -> dict[str, dict[str, Json]]:
        """Five fixed articles, one whose price is from the seed, and two open orders."""
        articles = {name: dict(one) for name, one in _FIXED.items()}
        articles["P6"] = {"name": "vase", "price": rng.randrange(10, 60), "stock": 3}
        orders = {
            "O1": {"article": "P3", "quantity": 2, "total": 50},
            "O2": {"article": "P5", "quantity": 10, "total": 60},
        }
        return {"articles": articles, "orders": orders}

    def search_articles(self, text: str) -> Json:
        """The articles whose name holds these words; all of them for an empty text."""
        return [{"id": name, **one} for name, one in self.state["articles"].items() if text.lower() in one["name"]]

    def order(self, article: str, quantity: int) -> Json:
        """Order an article by its id; the stock shrinks by the quantity."""
        one = self._article(article)
        if not 0 < quantity <= one["stock"]:
            raise RefusedError(f"{one['stock']} of {article} are in stock")
        one["stock"] -= quantity
        name = f"O{max((int(key[1:]) for key in self.state['orders']), default=0) + 1}"
        self.state["orders"][name] = {"article": article, "quantity": quantity, "total": quantity * one["price"]}
        return {"order": name, "total": quantity * one["price"]}

    def list_orders(self) -> Json:
        """All open orders."""
        return [{"order": name, **one} for name, one in self.state["orders"].items()]

    def cancel_order(self, order: str) -> Json:
        """Cancel an open order by its id; the stock grows again."""
        if order not in self.state["orders"]:
            raise RefusedError(f"there is no order {order}")
        gone = self.state["orders"].pop(order)
        self._article(gone["article"])["stock"] += gone["quantity"]
        return "cancelled"

    def set_price(self, article: str, price: int) -> Json:
        """Give an article another price."""
        self._article(article)["price"] = price
        return "set"

    def restock(self, article: str, quantity: int) -> Json:
        """Add to the stock of an article."""
        if quantity < 1:
            raise RefusedError("quantity must be 1 at least")
        self._article(article)["stock"] += quantity
        return "restocked"

    def _article(self, name: str) -> dict[str, Json]:
        return self._entry("articles", name, f"there is no article {name}; search_articles gives the ids")
