"""Objects created."""

from .client import MERGE, OURS, Api
from .objects import assistant, version


async def test_a_created_object_has_a_uid_a_creation_time_and_generation_one(api: Api) -> None:
    made = await api.create("assistants", assistant())
    assert made.status == 201
    assert made.meta["uid"]
    assert made.meta["creationTimestamp"].endswith("Z")
    assert made.meta["generation"] == 1
    assert made.meta["namespace"] == api.namespace
    assert (await api.get("assistants", "bot")).body == made.body


async def test_what_the_api_server_assigns_a_client_cannot_set(api: Api) -> None:
    said = {"uid": "mine", "generation": 77, "creationTimestamp": "2020-01-01T00:00:00Z"}
    made = await api.create("assistants", assistant(meta=said))
    assert made.meta["generation"] == 1
    assert made.meta["uid"] != "mine"
    assert not made.meta["creationTimestamp"].startswith("2020")
    edited = await api.merge("assistants", "bot", {"metadata": {"generation": 99}})
    assert edited.meta["generation"] == 1


async def test_a_name_that_is_taken_is_refused_as_already_exists(api: Api) -> None:
    await api.create("assistants", assistant())
    again = await api.create("assistants", assistant(context={"other": 1}))
    assert again.refusal == (409, "AlreadyExists")
    assert again.message == 'assistants.assistant-operator.dev "bot" already exists'
    assert again.body["details"] == {"name": "bot", "group": "assistant-operator.dev", "kind": "assistants"}


async def test_generate_name_makes_a_name_that_begins_with_it(api: Api) -> None:
    body = {**assistant(), "metadata": {"generateName": "bot-"}}
    names = [(await api.create("assistants", body)).meta["name"] for _ in range(2)]
    assert all(name.startswith("bot-") and len(name) == len("bot-") + 5 for name in names)
    assert names[0] != names[1]


async def test_nothing_is_created_in_a_namespace_that_does_not_exist(api: Api) -> None:
    path = f"{OURS}/namespaces/nowhere/assistants"
    refused = await api.send("POST", path, assistant())
    assert refused.refusal == (404, "NotFound")
    assert refused.body["details"] == {"name": "nowhere", "kind": "namespaces"}
    assert refused.message == 'namespaces "nowhere" not found'


async def test_another_namespace_in_the_body_is_a_bad_request(api: Api) -> None:
    refused = await api.create("assistants", assistant(meta={"namespace": "other"}))
    assert refused.refusal == (400, "BadRequest")
    assert "does not match the namespace sent on the request" in refused.message


async def test_another_kind_in_the_body_is_invalid(api: Api) -> None:
    refused = await api.create("assistants", {**assistant(), "kind": "Graph"})
    assert refused.refusal == (422, "Invalid")
    assert refused.causes[0]["message"] == 'Invalid value: "Graph": must be Assistant'


async def test_a_resource_version_on_a_new_object_is_an_error(api: Api) -> None:
    refused = await api.create("assistants", assistant(meta={"resourceVersion": "1"}))
    assert refused.refusal == (500, "")
    assert refused.message == "resourceVersion should not be set on objects to be created"


async def test_a_body_that_is_no_json_is_a_bad_request(api: Api) -> None:
    assert (await api.send("POST", api.path("assistants"), b"{nope")).refusal == (400, "BadRequest")
    await api.create("assistants", assistant())
    broken = await api.send("PATCH", api.path("assistants", "bot"), b"{nope", kind=MERGE)
    assert (broken.refusal, broken.message) == ((400, "BadRequest"), "invalid JSON patch")


async def test_a_path_that_nothing_serves_is_a_404_in_plain_text(api: Api) -> None:
    for path in (f"{OURS}/nothing", "/nothing", "/apis/nothing.example/v1"):
        told = await api.send("GET", path)
        assert (told.status, told.body) == (404, {"message": "404 page not found\n"})
    assert (await api.send("POST", f"{OURS}/assistants", assistant())).status == 404


async def test_a_new_object_has_no_status_but_its_default(api: Api) -> None:
    made = await api.create("assistants", {**assistant(), "status": {"observedGeneration": 5}})
    assert made.body["status"] == {"observedGeneration": -1}
    assert "status" not in (await api.create("assistantversions", version())).body


async def test_numbers_are_kept_as_go_keeps_them(api: Api) -> None:
    sent = {"whole": 1.0, "large": 2**53 + 1, "half": 0.5, "huge": 2**70}
    made = await api.create("assistants", assistant(context=sent))
    kept = made.body["spec"]["context"]
    assert kept == {**sent, "huge": float(2**70)}
    assert isinstance(kept["whole"], int)
    assert isinstance(kept["huge"], float)
    again = await api.merge("assistants", "bot", {"spec": {"context": {"whole": 1}}})
    assert again.meta["generation"] == 1


async def test_keys_come_back_in_alphabetical_order(api: Api) -> None:
    made = await api.create("assistants", assistant(context={"b": 1, "a": {"d": 1, "c": 2}}))
    context = made.body["spec"]["context"]
    assert (list(context), list(context["a"])) == (["a", "b"], ["c", "d"])


async def test_text_is_kept_as_it_was_sent(api: Api) -> None:
    sent = {"prompt": 'ß 你好 🙂 \u2028 <&> \\ " \n\t', "with.dot/and~": 1}
    made = await api.create("assistants", assistant(context=sent))
    assert made.body["spec"]["context"] == sent
