"""Who gets which case, and in what order it is told, whatever becomes of the workers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.engine.workers.scheduler import TRIES, BatchScheduler


@given(
    count=st.integers(0, 40),
    batch=st.integers(1, 9),
    ahead=st.integers(9, 30),
    poison=st.sets(st.integers(0, 39)),
    knows=st.booleans(),
    data=st.data(),
)
def test_each_case_is_told_once_and_in_order(count, batch, ahead, poison, knows, data):
    """Workers that die at random, and always on ``poison``; ``knows`` says whether it is known what they died of."""
    deal = BatchScheduler(count, batch=batch, ahead=ahead)
    under_way, told, given_up = [], [], []
    for _ in range(2000):
        if deal.done:
            break
        if len(under_way) < 3 and (places := deal.next()):
            assert max(places) < len(told) + ahead
            under_way.append(list(places))
            continue
        places = under_way.pop(data.draw(st.integers(0, len(under_way) - 1)))
        dies = data.draw(st.booleans(), label="dies") and not given_up
        while places:
            place = places[0]
            if place in poison or dies:
                suspects = (place,) if knows else tuple(places)
                lost = deal.lost(tuple(places), suspects)
                given_up += lost
                for one in lost:
                    deal.finished(one, f"gave up {one}")
                break
            deal.finished(place, place)
            deal.finished(place, "a second time")
            places.pop(0)
        told += deal.ready()
    assert deal.done
    assert [place for place, _ in told] == list(range(count))
    for place, result in told:
        assert result == (f"gave up {place}" if place in given_up else place)
    assert poison & set(range(count)) <= set(given_up), "a case that always kills its worker is given up"


def test_a_case_is_given_up_after_its_last_try():
    deal = BatchScheduler(3, batch=3, ahead=9)
    assert deal.next() == (0, 1, 2)
    assert deal.lost((1, 2), (1,)) == []
    assert deal.next() == (2,), "what only stood behind it goes on at once"
    for _ in range(TRIES - 2):
        assert deal.next() == (1,)
        assert deal.lost((1,), (1,)) == []
    assert deal.next() == (1,)
    assert deal.lost((1,), (1,)) == [1]
    assert deal.next() == ()
