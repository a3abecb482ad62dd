"""The description of the API: complete, valid, and readable without any other server."""

import re
from io import StringIO

import pytest
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.urls import URLPattern, get_resolver

API = "/api/v1"
FOR_PATIENTS = (
    *(f"{API}/appointments/{rest}" for rest in ("", "{token}/move/", "{token}/payment/")),
    f"{API}/draws/{{session_id}}/requests/",
    f"{API}/sessions/{{session_id}}/waitlist/",
    f"{API}/waitlist/{{token}}/accept/",
)
pytestmark = pytest.mark.django_db


@pytest.fixture
def schema(anybody):
    return anybody.get("/api/schema/?format=json").json()


def test_the_schema_is_valid_and_made_without_a_warning():
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=StringIO())


def test_it_is_openapi_3_1_and_has_every_address(schema):
    assert schema["openapi"].startswith("3.1")
    patterns = [each for each in get_resolver("queueboard.api.urls").url_patterns if isinstance(each, URLPattern)]
    addresses = {f"{API}/" + re.sub(r"<\w+:(\w+)>", r"{\1}", str(each.pattern)) for each in patterns}
    assert len(addresses) == len(patterns) == len(schema["paths"])
    assert addresses == set(schema["paths"])


def test_every_operation_says_what_it_is_and_that_it_may_answer_a_problem(schema):
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            assert operation["description"], (method, path)
            assert operation["responses"]["default"]["content"].keys() == {"application/problem+json"}


def test_what_needs_no_login_says_so(schema):
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            open_to_all = {} in operation["security"] if operation.get("security") else True
            staff = "/staff/" in path or "find" in path or (method == "post" and path not in FOR_PATIENTS)
            assert open_to_all is not (staff or "offer" in path or "added-numbers" in path), (method, path)


def test_the_docs_come_from_this_server_alone_and_only_their_styles_are_relaxed(anybody):
    page = anybody.get("/api/docs/")
    text = page.content.decode()
    sources = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert sources
    assert not [source for source in sources if "//" in source]
    files = [source.removeprefix("/static/") for source in sources if source.startswith("/static/")]
    assert all(finders.find(file) for file in files)
    assert "<script>" not in text
    policy = dict(part.strip().split(" ", 1) for part in page["Content-Security-Policy"].split(";"))
    assert policy["style-src"] == "'self' 'unsafe-inline'"
    assert "unsafe" not in policy["script-src"] + policy["default-src"]
    script = anybody.get(next(source for source in sources if "script" in source))
    assert script["Content-Type"].startswith("application/javascript")
    assert "unsafe" not in anybody.get("/api/schema/")["Content-Security-Policy"]
