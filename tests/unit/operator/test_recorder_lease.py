"""An edit that is due while the Lease is in doubt waits for the answer; it is never dropped."""

import asyncio
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio import client

from assistant_operator.gateways.api_server import ApiServer
from assistant_operator.gateways.cluster import Cluster
from assistant_operator.operator.cache import Cache
from assistant_operator.operator.events import Events
from assistant_operator.operator.metrics import Metrics
from assistant_operator.operator.recorder import Recorder
from assistant_operator.resources.meta import Key
from worlds import KEY, a_status, an_assistant


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
        configuration = client.Configuration(host=str(server.make_url("")).rstrip("/"))
        cluster = Cluster(ApiServer(configuration, may_write=lambda: leads))
        events = Events(cluster, instance="a")
        recorder = Recorder(cluster, Cache(), wake=wake, events=events, metrics=Metrics())
        edited = an_assistant(meta={"generation": 1}, status=a_status(observed_generation=-1, latest_version=None))
        recording = asyncio.create_task(recorder.run())
        await recorder.observe(edited)
        await asyncio.sleep(0.5)
        assert (made, woken, recorder.lags(edited)) == ([], [], False)
        leads = True
        await asyncio.wait_for(recorded.wait(), 10)
        assert [each["metadata"]["name"] for each in made] == ["bot-v1"]
        assert woken == [KEY]
        assert not recorder.lags(edited)
        assert recorder.lags(an_assistant(meta={"generation": 2}))
        assert recorder.lags(an_assistant(meta={"uid": "never seen"}))
        recording.cancel()
        await asyncio.wait({recording})
        await cluster.close()
