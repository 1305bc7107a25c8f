"""What a replay does not let out: no connection is made, no name resolved and no program started, from any thread of
this process.

The tape's doors answer what HTTP clients ask. This stands behind them, for whatever goes round them, and while a tape
records it counts that. ``outward`` says where a program is watched.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from typing import TYPE_CHECKING

from harness.interception import context, outward
from harness.interception.hosts import hosts
from harness.interception.traffic import QUIET, WEBSOCKET, Traffic

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.interception.outward import Target

# What litellm would fetch when it is imported or first used, and what keeps it from that.
_LITELLM = {
    "LITELLM_OFFLINE_MODE": "true",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
}
# A command's own process has no other use of these libraries; a test's may.
_ALL = {**_LITELLM, "HF_HUB_OFFLINE": "1", "AWS_EC2_METADATA_DISABLED": "true"}
_WEBSOCKETS = {"websockets", "websocket", "wsproto", "picows"}  # libraries that speak nothing else


class _Guard:
    """Whose traffic is watched. Audit hooks are process-wide and can't be taken out again, so one is put in once and
    looks here.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watched: tuple[Traffic, ...] = ()
        self._environment: dict[str, str] = {}

    def close(self, traffic: Traffic) -> None:
        with self._lock:
            if not self._watched:
                outward.watch(self.judge)
            self._watched = (*self._watched, traffic)
            for name, value in (_LITELLM if traffic.of_tape else _ALL).items():
                if name not in os.environ:
                    os.environ[name] = self._environment[name] = value

    def open(self, traffic: Traffic) -> None:
        with self._lock:
            self._watched = tuple(one for one in self._watched if one is not traffic)
            if not self._watched:
                outward.ignore()
                for name in self._environment:
                    os.environ.pop(name, None)
                self._environment.clear()

    def judge(self, target: Target) -> None:
        """Refuse ``target`` unless all whose it may be let it out; count it where a tape of its own records."""
        seat, foreign = context.whose()
        own = seat.traffic if seat is not None else None
        watched = self._watched
        if own is not None and own.live:
            # Other tapes' replays are not this recording's affair.
            watched = tuple(one for one in watched if not one.of_tape or one is own)
            if target.is_connection and not (context.is_passing() or own.allow.holds(*target.place)):
                own.bypassed[target.shown, outward.client()] += 1
        refusing = [one for one in watched if not _lets(one, target)]
        if refusing:
            self._refuse(target, own, refusing, side=foreign and all(one.of_tape for one in refusing))

    def _refuse(self, target: Target, own: Traffic | None, refusing: Sequence[Traffic], *, side: bool) -> None:
        if side and target.established:
            return  # a connection that an older thread made before is no affair of this tape's
        told = f"a replay must not go out, and something tried to: {target.event} {target.shown!r}"
        if target.is_program:
            raise PermissionError(errno.EPERM, f"{told}; allow_subprocesses lets a test start programs")
        if side:
            context.count_side(target.host)
            raise ConnectionRefusedError(errno.ECONNREFUSED, QUIET)
        who = outward.client()
        what = f" (it asks for {WEBSOCKET})" if who in _WEBSOCKETS else ""
        told = f"{told}, by {who}{what}; `allow` lets a test reach a server of its own"
        for one in refusing:
            one.refused.append(told)
        raise (own or refusing[-1]).miss(told)


def _lets(traffic: Traffic, target: Target) -> bool:
    if target.is_program:
        return traffic.live or traffic.subprocesses
    if traffic.live or traffic.allow.holds(*target.place):
        return True
    return target.own_port is not None and traffic.allow.holds(target.place[0], target.own_port)


_guard = _Guard()


@contextlib.contextmanager
def guarded(traffic: Traffic) -> Iterator[None]:
    """Watch what goes round a tape with this ``traffic``: refused in a replay, counted while it records.

    A connection, datagram or name look-up is refused with the ``miss`` of ``traffic``, a new program with
    ``PermissionError``, which those are ready for who ask ``uname`` for a word about the machine; side traffic with
    ``ConnectionRefusedError``.
    """
    _guard.close(traffic)
    try:
        yield
    finally:
        _guard.open(traffic)


@contextlib.contextmanager
def no_way_out(*, loopback: bool = False, programs: bool = False) -> Iterator[None]:
    """Refuse every connection, datagram and name look-up while this is open, with ``CassetteMiss``, and every new
    program with ``PermissionError``.

    With ``programs`` those may start that talk to a server of ours; with ``loopback`` what stays on this machine may
    pass, if nested guards allow it too. A miss is no ``Exception``: an ``OSError`` would set off retries. What litellm
    fetches when it is imported is turned off by its own environment variables meanwhile: it would take any other
    refusal for a fault of its own. ``docs/reliability.md`` lists what can't be seen.
    """
    allow = hosts(["localhost"]) if loopback or programs else hosts(())
    with guarded(Traffic(allow=allow, subprocesses=programs, of_tape=False)):
        yield
