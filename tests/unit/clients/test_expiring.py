"""Values that are dropped by themselves."""

import asyncio
import gc
import weakref

from assistant_operator.clients.expiring import Expiring


class Secret:
    pass


async def test_a_value_leaves_memory_by_itself() -> None:
    kept: Expiring[str, Secret] = Expiring(0.1, most=10)
    kept["a"] = secret = Secret()
    trace = weakref.ref(secret)
    assert kept.get("a") is secret
    del secret
    await asyncio.sleep(0.05)
    kept["b"] = Secret()
    async with asyncio.timeout(5):
        while trace():
            await asyncio.sleep(0.01)
            gc.collect()
    assert kept.get("a") is None
    async with asyncio.timeout(5):
        while len(kept):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_value_is_not_used_longer_than_it_is_kept() -> None:
    kept: Expiring[str, str] = Expiring(0.0, most=10)
    kept["a"] = "1"
    assert kept.get("a") is None


async def test_its_time_begins_anew_when_it_is_put_again() -> None:
    kept: Expiring[str, str] = Expiring(0.3, most=10)
    kept["a"] = "1"
    kept["b"] = "1"
    await asyncio.sleep(0.2)
    kept["a"] = "2"
    await asyncio.sleep(0.2)
    assert (kept.get("a"), kept.get("b")) == ("2", None)


async def test_there_are_never_more_than_so_many() -> None:
    kept: Expiring[int, int] = Expiring(60, most=3)
    for number in range(10):
        kept[number] = number + 1
    assert len(kept) == 3
    assert [kept.get(number) for number in (6, 7, 8, 9)] == [None, 8, 9, 10]
    del kept[9]
    assert len(kept) == 2
