"""Which questions are let in: by the name they ask for, the page they come from, and what they carry."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.guard.hosts import Hosts, find_hosts, read_name
from studio.guard.rules import BODY_BYTES, CLOSED, UPLOAD, UPLOAD_BYTES, Refusal, find_refusal

ALONE = Hosts()
HOST = "127.0.0.1:7860"
SERVER = "/gradio_api/component_server"


def ask(
    method: str = "POST", path: str = SERVER, *, hosts: Hosts = ALONE, leave_out: str = "", **headers: str
) -> Refusal | None:
    """Ask as a program does: JSON of ten bytes; headers by name, with _ for -."""
    said = {"host": HOST, **{name.replace("_", "-"): value for name, value in headers.items()}}
    if method == "POST":
        said = {"content-type": "application/json", "content-length": "10", **said}
    said.pop(leave_out, None)
    pairs = [(name.encode(), value.encode()) for name, value in said.items()]
    return find_refusal(method, path, pairs, hosts)


def status(refusal: Refusal | None) -> int | None:
    return refusal and refusal.status


@pytest.mark.parametrize(
    "host",
    "localhost localhost:7860 LOCALHOST localhost.:7860 127.0.0.1 127.8.9.10:80 [::1]:7860 [::ffff:127.0.0.1]".split(),
)
def test_a_studio_of_one_computer_answers_to_its_own_names(host: str) -> None:
    assert ask(host=host) is None
    assert ask("GET", "/config", host=host) is None


@pytest.mark.parametrize(
    "host",
    [
        "any.localhost:7860",
        "localhost.evil.example",
        "rebound.example:7860",
        "evil.example",
        "0.0.0.0:7860",
        "192.168.1.5:7860",
        "[::ffff:192.168.1.5]",
        "[::]:7860",
        "2130706433",
        "127.1",
        "localhost:7860:80",
        "localhost:abc",
        "[::1",
        "user@localhost",
        "localhost,evil.example",
        "localhost/evil",
        "ｌocalhost",
        "",
        " ",
    ],
)
def test_a_name_that_may_be_anybodys_is_refused(host: str) -> None:
    assert status(ask("GET", "/", host=host)) == 403
    assert status(ask(host=host)) == 403


def test_a_host_must_be_said_once() -> None:
    assert status(ask("GET", "/", leave_out="host")) == 403
    twice = [(b"host", b"127.0.0.1"), (b"host", b"127.0.0.1")]
    assert status(find_refusal("GET", "/", twice, ALONE)) == 403


def test_a_refused_name_is_said_without_what_could_harm_a_terminal() -> None:
    refusal = ask("GET", "/", host="evil\x1b[31m" + "x" * 500)
    assert refusal and refusal.status == 403
    assert "\x1b" not in refusal.words and len(refusal.words) < 400
    assert "STUDIO_HOSTS" in refusal.words


@pytest.mark.parametrize(
    ("environment", "listening", "answered", "refused"),
    [
        ({}, "127.0.0.1", ["localhost"], ["evil.example", "192.168.1.5"]),
        ({}, "0.0.0.0", ["192.168.1.5:7860", "[fe80::1]:7860"], ["evil.example"]),
        ({}, "::", ["192.168.1.5", "[2001:db8::1]"], ["evil.example"]),
        ({}, "lab.school.example", ["lab.school.example:7860", "LAB.school.example."], ["school.example"]),
        ({}, "192.168.1.5", ["192.168.1.5:7860"], ["192.168.1.6"]),
        ({}, "::1", ["[::1]:7860"], ["[::2]"]),
        (
            {"STUDIO_HOSTS": "a.example, b.example:8000 c.example"},
            "127.0.0.1",
            ["a.example", "b.example"],
            ["d.example"],
        ),
        ({"GRADIO_ROOT_PATH": "https://school.example/studio"}, "127.0.0.1", ["school.example"], ["evil.example"]),
        ({"GRADIO_ROOT_PATH": "/studio"}, "127.0.0.1", ["localhost"], ["studio"]),
        ({"SPACE_ID": "a/b", "SPACE_HOST": "a-b.hf.space"}, "0.0.0.0", ["a-b.hf.space", "10.0.0.1"], ["evil.example"]),
    ],
)
def test_the_names_come_from_flags_and_environment(
    environment: dict[str, str], listening: str, answered: list[str], refused: list[str]
) -> None:
    hosts = find_hosts(environment, listening)
    assert [name for name in answered if not hosts.answers_to(name)] == []
    assert [name for name in refused if hosts.answers_to(name)] == []


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:3000", "file://", "", HOST, "x"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_a_foreign_page_may_neither_ask_nor_read(method: str, origin: str) -> None:
    assert status(ask(method, origin=origin)) == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "odd"])
def test_a_browser_that_says_the_page_is_foreign_is_believed(site: str) -> None:
    assert status(ask(sec_fetch_site=site)) == 403
    assert status(ask(sec_fetch_site=site, sec_fetch_mode="navigate")) == 403
    assert status(ask("GET", "/config", sec_fetch_site=site, sec_fetch_mode="no-cors")) == 403


def test_a_link_from_elsewhere_may_be_followed() -> None:
    assert ask("GET", "/", sec_fetch_site="cross-site", sec_fetch_mode="navigate") is None


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        (HOST, f"http://{HOST}"),
        ("localhost", "http://localhost"),
        ("localhost", "http://localhost:80"),
        ("[::1]:7860", "http://[::1]:7860"),
    ],
)
def test_the_own_page_is_let_in(host: str, origin: str) -> None:
    assert ask(host=host, origin=origin, sec_fetch_site="same-origin") is None


def test_a_proxy_that_says_another_host_is_let_in_where_the_operator_named_it() -> None:
    named = find_hosts({"STUDIO_HOSTS": "school.example"}, "127.0.0.1")
    page = {"origin": "https://school.example", "sec_fetch_site": "same-origin"}
    assert status(ask(**page)) == 403
    assert ask(hosts=named, **page) is None
    assert ask(hosts=named, x_forwarded_host="school.example", **page) is None
    assert status(ask(hosts=named, origin="http://localhost:3000")) == 403


def test_a_forwarded_name_counts_only_where_the_operator_named_it() -> None:
    assert status(ask("GET", "/config", x_forwarded_host="evil.example")) == 403


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "json"])
def test_only_json_is_taken_where_json_is_meant(kind: str) -> None:
    assert status(ask(content_type=kind)) == 415
    assert status(ask(path="/gradio_api/queue/join", content_type=kind)) == 415
    assert status(ask(leave_out="content-type")) == 415
    assert ask(content_type="application/json; charset=utf-8") is None


def test_an_upload_is_a_form() -> None:
    assert ask(path=UPLOAD, content_type="multipart/form-data; boundary=x") is None
    assert status(ask(path=UPLOAD)) == 415


def test_a_body_has_a_limit() -> None:
    assert ask(content_length=str(BODY_BYTES)) is None
    assert status(ask(content_length=str(BODY_BYTES + 1))) == 413
    form = {"path": UPLOAD, "content_type": "multipart/form-data"}
    assert ask(content_length=str(UPLOAD_BYTES), **form) is None
    assert status(ask(content_length=str(UPLOAD_BYTES + 1), **form)) == 413
    assert status(ask(content_length="9" * 5000)) == 413


@pytest.mark.parametrize("length", ["-1", "ten", "1e3", "٣", "1, 1", "+5"])
def test_a_length_must_be_a_number(length: str) -> None:
    assert status(ask(content_length=length)) == 400


def test_length_and_chunks_at_once_are_refused() -> None:
    assert status(ask(transfer_encoding="chunked")) == 400
    assert ask(transfer_encoding="chunked", leave_out="content-length") is None


def test_compressed_bodies_are_refused() -> None:
    assert status(ask(content_encoding="gzip")) == 415


@pytest.mark.parametrize("door", CLOSED)
def test_doors_that_nobody_needs_are_closed(door: str) -> None:
    assert status(ask("GET", door)) == 404
    assert status(ask("GET", f"/{door}/x")) == 404


@pytest.mark.parametrize("letter", ["\n", "\r", "\x00", "\x1b", "\x7f"])
def test_an_address_with_control_characters_is_refused(letter: str) -> None:
    assert status(ask("GET", f"/gradio_api/file=a{letter}b")) == 400


@given(st.text(alphabet=string.printable + "é١", max_size=40))
def test_any_host_is_read_or_refused_and_never_trusted_by_accident(host: str) -> None:
    answered = ALONE.answers_to(host)
    name = read_name(host)
    assert not answered or name == "localhost" or (name or "").startswith(("127.", "::1", "::ffff:", "0:"))


@given(st.text(max_size=60), st.text(max_size=60), st.sampled_from(["GET", "POST", "DELETE"]))
def test_any_origin_but_the_own_is_refused(origin: str, path: str, method: str) -> None:
    pairs = [(b"host", HOST.encode()), (b"origin", origin.encode("utf-8", "replace"))]
    refusal = find_refusal(method, f"/{path}", pairs, ALONE)
    assert refusal is not None or origin.strip().lower().rstrip(".").endswith("//127.0.0.1:7860")
