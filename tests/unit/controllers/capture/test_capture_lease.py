"""An edit that is due while the Lease is in doubt waits for the answer; it is never dropped."""

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.meta import Key
from assistant_operator.clients.kubernetes.cluster import Cluster
from assistant_operator.clients.kubernetes.configuration import Configuration
from assistant_operator.clients.kubernetes.transport import ApiServer
from assistant_operator.controllers.capture.capture import EditCapture
from assistant_operator.runtime.event_recorder import EventRecorder
from assistant_operator.runtime.metrics import Metrics
from assistant_operator.store.capture_state import CaptureState
from assistant_operator.store.store import Store
from harness.worlds import KEY, a_status, an_assistant


def no_turn(_: Assistant) -> AbstractAsyncContextManager[None]:
    return nullcontext()


async def test_it_waits_until_the_lease_is_renewed() -> None:
    made: list[dict[str, Any]] = []
    woken: list[Key] = []
    leads = False
    recorded = asyncio.Event()

    def wake(key: Key) -> None:
        woken.append(key)
        recorded.set()

    async def answer(request: web.Request) -> web.Response:
        if request.method == "GET":
            return web.json_response({"kind": "Status", "code": 404, "reason": "NotFound"}, status=404)
        made.append(await request.json())
        meta = {"name": "bot-v1", "namespace": KEY[0], "uid": "new", "resourceVersion": "50"}
        return web.json_response({"metadata": meta}, status=201)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        configuration = Configuration(host=str(server.make_url("")).rstrip("/"))
        cluster = Cluster(ApiServer(configuration, may_write=lambda: leads))
        events = EventRecorder(cluster, instance="a")
        store = Store()
        edit_capture = EditCapture(
            cluster, store, enqueue_assistant=wake, events=events, metrics=Metrics(), turn=no_turn
        )
        edited = an_assistant(meta={"generation": 1}, status=a_status(observed_generation=-1, latest_version=None))
        recording = asyncio.create_task(edit_capture.run())
        store.upsert_assistant(edited)
        state = store.assistants[KEY].capture
        await edit_capture.observe(edited)
        await asyncio.sleep(0.5)
        assert (made, woken, state.lags_behind(1)) == ([], [], False)
        leads = True
        await asyncio.wait_for(recorded.wait(), 10)
        assert [each["metadata"]["name"] for each in made] == ["bot-v1"]
        assert woken == [KEY]
        assert not state.lags_behind(1)
        assert state.lags_behind(2)
        assert CaptureState().lags_behind(1), "never observed"
        recording.cancel()
        await asyncio.wait({recording})
        await cluster.close()
