"""A backend that is asked the same again and again, such as by the self-check: what it made of it is remembered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.core.errors import CassetteMiss
from harness.core.exchange import HttpResponse
from harness.interception import clients

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.core.chat import Json, Reply
    from harness.core.exchange import HttpRequest
    from harness.laws.trial import Complete


@dataclass(slots=True)
class Remembered:
    """``right``, called once for equal arguments and equal bytes from the provider.

    Its requests go out again each time, so that whoever answers sees them; a provider that answers otherwise than
    before has the backend called again. For backends that do the same each time: ours, by law.
    """

    right: Complete
    _requests: dict[str, tuple[HttpRequest, ...]] = field(default_factory=dict)
    _outcomes: dict[tuple[str, tuple[clients.Answer, ...]], Reply | BaseException] = field(default_factory=dict)

    def __call__(self, model: str, messages: Sequence[Json], **options: Any) -> Reply:
        asked = repr((model, messages, sorted(options.items(), key=lambda item: item[0])))
        outer = clients.current()
        assert outer is not None
        known = self._requests.get(asked)
        ahead = [outer(request) for request in known or ()]
        outcome = self._outcomes.get((asked, tuple(ahead))) if known is not None else None
        if outcome is None:
            outcome = self._call(asked, outer, ahead, model, messages, options)
        if isinstance(outcome, BaseException):
            raise outcome.with_traceback(None)
        return outcome

    def _call(
        self,
        asked: str,
        outer: Any,
        ahead: list[clients.Answer],
        model: str,
        messages: Sequence[Json],
        options: dict[str, Any],
    ) -> Reply | BaseException:
        requests: list[HttpRequest] = []
        answers: list[clients.Answer] = []

        def answer(request: HttpRequest) -> clients.Answer:
            place = len(requests)
            requests.append(request)
            answers.append(ahead[place] if place < len(ahead) else outer(request))
            return answers[-1]

        outcome: Reply | BaseException
        with clients.answering(answer):
            try:
                outcome = self.right(model, messages, **options)
            except (KeyboardInterrupt, SystemExit, CassetteMiss):
                raise
            except BaseException as error:  # noqa: BLE001 - whatever it raises is what it makes of this
                outcome = error
        if all(isinstance(one, HttpResponse) for one in answers):
            self._requests.setdefault(asked, tuple(requests))
            self._outcomes[asked, tuple(answers)] = outcome
        return outcome
