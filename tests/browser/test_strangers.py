"""What a foreign page in the same browser, or a stranger on the wire, gets from a running studio: nothing.

The foreign pages are real: another origin in a real Chromium, whose names all lead to this computer.
"""

import contextlib
import http.client
import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from conftest import CHROMIUM_FLAGS, App, find_chromium
from playwright.sync_api import Browser, BrowserContext, Page
from telling import tells

from bench.attacks import Stranger
from studio.models.reference import BUILTIN_FOLDER

NAMES = ("evil.example", "rebound.example", "any.localhost")
RULES = ",".join(f"MAP {name} 127.0.0.1" for name in NAMES)
get, post = (partial(ask, timeout=60) for ask in (httpx.get, httpx.post))  # a busy machine may take its time
READ = """(url) => fetch(url).then((answer) => answer.text()).catch((error) => `blocked: ${error}`)"""
SEND = """([url, body, type]) => fetch(url, {method: "POST", mode: "no-cors", body, headers: {"content-type": type}})
  .then(() => "sent", (error) => `blocked: ${error}`)"""
FETCH = {"split": "", "config": "", "most": ""}
FORM = """([url, body]) => { const form = document.createElement("form"); const [name, value] = body.split("=");
  Object.assign(form, {method: "POST", action: url, enctype: "text/plain", target: "sink"});
  const field = Object.assign(document.createElement("input"), {name, value});
  const sink = Object.assign(document.createElement("iframe"), {name: "sink"});
  form.append(field); document.body.append(sink, form);
  return new Promise((done) => { sink.onload = () => done("answered"); form.submit(); }); }"""


class _Blank(http.server.BaseHTTPRequestHandler):
    """Any page of the foreign site: nothing on it, so that the test says what it does."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>evil</title><body>")

    def log_message(self, *given: Any) -> None:
        pass


@pytest.fixture(scope="module")
def served(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A studio of one person, and of this module, as its log is read at the end."""
    server = App(tmp_path_factory.mktemp("strangers")).start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def evil(browser: Browser) -> Iterator[BrowserContext]:
    """A browser for which foreign names lead to this computer."""
    other = browser.browser_type.launch(
        executable_path=find_chromium(), args=[*CHROMIUM_FLAGS, f"--host-resolver-rules={RULES}"]
    )
    yield other.new_context()
    other.close()


@pytest.fixture(scope="module")
def foreign(evil: BrowserContext) -> Iterator[Page]:
    """A page of evil.example."""
    site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Blank)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    page = evil.new_page()
    page.goto(f"http://evil.example:{site.server_port}/")
    yield page
    site.shutdown()


def find_act(served: App, name: str) -> dict[str, Any]:
    """Return the body with which the page calls a server function, without its data."""
    config = get(f"{served.url}/config").json()
    for component in config["components"]:
        if name in (component["props"].get("server_fns") or ()):
            return {"component_id": component["id"], "fn_name": name, "session_hash": "stranger"}
    raise AssertionError(f"No component of the page has {name}.")


def start_a_run(served: App) -> str:
    recipe = {"model": "builtin", "task_id": "studio002_question", "training": {"max_steps": 1}}
    return json.dumps({**find_act(served, "start_run"), "data": {"recipe": recipe, "request": "e" * 32}})


def made(served: App) -> list[Path]:
    return sorted(served.home.glob("runs/*")) + sorted(served.home.glob("collections/*"))


def speak(served: App, *lines: str, body: bytes = b"", seconds: float = 60) -> tuple[int, bytes]:
    """Send a question byte by byte, as a program of a stranger's would; return status and body, if it still came.

    The status is 0 where nothing came in time: the studio waits for more.
    """
    where = urlsplit(served.url)
    with socket.create_connection((where.hostname, where.port), timeout=seconds) as line:
        line.sendall("\r\n".join([*lines, "connection: close", "", ""]).encode() + body)
        answer = http.client.HTTPResponse(line)
        try:
            answer.begin()
        except TimeoutError:
            return 0, b""
        with contextlib.suppress(ConnectionError):  # a server that reads no further may close before we have read
            return answer.status, answer.read()
        return answer.status, b""


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "any.localhost", "rebound.example"])
def test_a_foreign_page_reads_nothing(served: App, foreign: Page, name: str) -> None:
    said = foreign.evaluate(READ, f"http://{name}:{served.port}/config")
    assert said.startswith("blocked: ") or "STUDIO_HOSTS" in said
    assert "components" not in said


@pytest.mark.parametrize(
    "host",
    ["any.localhost", "localhost.evil", "rebound.example", "192.0.2.1", "[::2]", "evil.example", "0.0.0.0", "127.1"],
)
def test_a_name_that_is_not_the_studios_is_refused_in_words(served: App, host: str) -> None:
    for path in ("/", "/config", "/gradio_api/info", "/gradio_api/heartbeat/x"):
        status, body = speak(served, f"GET {path} HTTP/1.1", f"host: {host}:{served.port}")
        assert (status, b"STUDIO_HOSTS" in body) == (403, True), path


@pytest.mark.parametrize("host", ["localhost", "localhost.", "[::1]", "[::ffff:127.0.0.1]", "127.0.0.1"])
def test_names_of_this_computer_are_answered_but_not_to_foreign_pages(served: App, host: str) -> None:
    assert speak(served, "GET /config HTTP/1.1", f"host: {host}:{served.port}")[0] == 200
    origin = "origin: http://evil.example"
    assert speak(served, "GET /config HTTP/1.1", f"host: {host}:{served.port}", origin)[0] == 403


def test_a_rebound_name_shows_no_studio(served: App, evil: BrowserContext) -> None:
    page = evil.new_page()
    answer = page.goto(f"http://rebound.example:{served.port}/")
    assert answer is not None and answer.status == 403
    assert "STUDIO_HOSTS" in page.inner_text("body")
    assert "components" not in page.evaluate(READ, "/config")
    page.close()


LOAD = """new Promise((done) => { const one = document.createElement("%s");
  one.onload = () => done("loaded"); one.onerror = () => done("blocked");
  Object.assign(one, {%s}); document.body.append(one); })"""
WAYS = {
    "a script": LOAD % ("script", "src: `${url}/config`"),
    "a picture": LOAD % ("img", "src: `${url}/favicon.ico`"),
    "a style": LOAD % ("link", "rel: 'stylesheet', href: `${url}/theme.css`"),
    "a stream of events": """new Promise((done) => { const one = new EventSource(`${url}/gradio_api/heartbeat/x`);
      one.onopen = () => done("loaded"); one.onerror = () => { one.close(); done("blocked"); }; })""",
    "a web socket": """new Promise((done) => { const one = new WebSocket(`${url.replace("http", "ws")}/gradio_api/x`);
      one.onopen = () => done("loaded"); one.onerror = () => done("blocked"); })""",
    "a beacon": """(navigator.sendBeacon(`${url}/gradio_api/component_server`, body), "blocked")""",
    "a window of its own": """new Promise((done) => { const one = window.open(url);
      const end = (said) => { one.close(); done(said); };
      const look = () => { try { one.location.href === "about:blank" ? setTimeout(look, 20) : end("loaded"); }
        catch { end("blocked"); } };
      look(); })""",
    "a frame without an origin": """new Promise((done) => { const frame = document.createElement("iframe");
      frame.sandbox = "allow-scripts"; window.onmessage = (said) => done(said.data);
      frame.srcdoc = `<script>fetch("${url}/config").then(() => "loaded", () => "blocked")
        .then((said) => parent.postMessage(said, "*"))<${"/"}script>`; document.body.append(frame); })""",
}


@pytest.mark.parametrize("way", WAYS)
def test_no_other_way_leads_from_a_foreign_page_into_the_studio(served: App, foreign: Page, way: str) -> None:
    asked = f"([url, body]) => {WAYS[way]}"
    assert foreign.evaluate(asked, [f"http://127.0.0.1:{served.port}", start_a_run(served)]) == "blocked"
    assert made(served) == []


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
def test_a_foreign_page_starts_nothing_blindly(served: App, foreign: Page, kind: str) -> None:
    url = f"http://127.0.0.1:{served.port}/gradio_api/component_server"
    foreign.evaluate(SEND, [url, start_a_run(served), kind])
    etc = json.dumps({**find_act(served, "fetch_from"), "data": {"ref": "/etc", **FETCH}})
    foreign.evaluate(SEND, [url, etc, kind])
    assert made(served) == []


def test_a_foreign_form_starts_nothing(served: App, foreign: Page) -> None:
    body = start_a_run(served)[:-1] + ', "x": "='  # the form's own = sign falls into a text of the JSON
    url = f"http://127.0.0.1:{served.port}/gradio_api/component_server"
    foreign.evaluate(FORM, [url, body.rpartition("=")[0] + '="}'])
    assert made(served) == []


def test_a_foreign_form_uploads_nothing(served: App, foreign: Page) -> None:
    send = """(url) => { const form = new FormData(); form.append("files", new Blob(["secret"]), "a.json");
      return fetch(url, {method: "POST", mode: "no-cors", body: form}).then(() => "sent", (error) => `${error}`); }"""
    foreign.evaluate(send, f"http://127.0.0.1:{served.port}/gradio_api/upload")
    status, _ = speak(
        served,
        "POST /gradio_api/upload HTTP/1.1",
        f"host: 127.0.0.1:{served.port}",
        "origin: http://evil.example",
        "content-type: multipart/form-data; boundary=x",
        "content-length: 0",
    )
    assert status == 403


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_only_json_is_read_as_json(served: App, kind: str) -> None:
    answer = post(
        f"{served.url}/gradio_api/component_server", content=start_a_run(served), headers={"content-type": kind}
    )
    assert answer.status_code == 415 and "application/json" in answer.text
    assert made(served) == []


def test_the_studio_opens_in_no_foreign_frame(served: App, foreign: Page) -> None:
    foreign.evaluate(
        """(url) => new Promise((done) => { const frame = document.createElement("iframe");
        frame.onload = done; frame.src = url; document.body.append(frame); })""",
        f"http://127.0.0.1:{served.port}/",
    )
    framed = [frame for frame in foreign.frames if frame.parent_frame and frame.name != "sink"][-1]
    framed.wait_for_url(lambda url: url.startswith("chrome-error://"), wait_until="commit")  # the browser's own page


def test_every_answer_names_who_may_frame_it(served: App) -> None:
    for path in ("/", "/config", "/nowhere"):
        headers = get(f"{served.url}{path}").headers
        assert headers["content-security-policy"].startswith("frame-ancestors 'self'"), path
        assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "same-origin")


@pytest.mark.parametrize("path", ["/monitoring", "/monitoring/summary", "//monitoring", "/monitoring/"])
def test_numbers_about_visitors_are_not_shown(served: App, path: str) -> None:
    assert get(f"{served.url}{path}").status_code == 404


def test_a_body_of_many_megabytes_is_refused_before_it_is_read(served: App) -> None:
    where = f"host: 127.0.0.1:{served.port}"
    ask = "POST /gradio_api/component_server HTTP/1.1"
    kind = "content-type: application/json"
    status, words = speak(served, ask, where, kind, "content-length: 150000000", seconds=15)
    assert (status, b"2 MB" in words) == (413, True)
    chunk = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
    status, words = speak(served, ask, where, kind, "transfer-encoding: chunked", body=chunk * 33, seconds=15)
    assert (status, b"2 MB" in words) == (413, True)


@pytest.mark.parametrize(
    "lines",
    [
        ["content-length: 5", "content-length: 6"],
        ["content-length: 5", "transfer-encoding: chunked"],
        ["transfer-encoding: chunked", "transfer-encoding: identity"],
        ["transfer-encoding: xchunked"],
        ["host: evil.example"],
        ["content-encoding: gzip", "content-length: 5"],
    ],
)
def test_smuggled_questions_are_refused(served: App, lines: list[str]) -> None:
    status, _ = speak(
        served,
        "POST /gradio_api/queue/join HTTP/1.1",
        f"host: 127.0.0.1:{served.port}",
        "content-type: application/json",
        *lines,
        body=b"5\r\n{}{}{\r\n0\r\n\r\n",
    )
    assert status in (400, 403, 415, 501)


def test_a_huge_cookie_or_header_is_refused(served: App) -> None:
    where = f"host: 127.0.0.1:{served.port}"
    for header in ("cookie: a=" + "x" * 200_000, "x-studio-visitor: " + "x" * 200_000):
        assert speak(served, "GET /config HTTP/1.1", where, header)[0] in (400, 431)


def test_programs_go_on_working(served: App) -> None:
    from gradio_client import Client

    client = Client(served.url, verbose=False)
    assert any(card["task_id"] == "studio002_question" for card in client.predict(api_name="/list_tasks"))
    url, kind = f"{served.url}/gradio_api/call/list_models", "Content-Type: application/json"
    asked = curl("-X", "POST", url, "-H", kind, "-d", '{"data": []}')
    assert "event: complete" in curl("-N", f"{url}/{json.loads(asked)['event_id']}")


def curl(*given: str) -> str:
    """Ask with the program that the README's readers have."""
    return subprocess.run(["curl", "-sS", "-m", "60", *given], capture_output=True, text=True, check=True).stdout


def test_a_web_socket_is_refused(served: App) -> None:
    status, _ = speak(
        served,
        "GET /gradio_api/queue/join HTTP/1.1",
        f"host: 127.0.0.1:{served.port}",
        "upgrade: websocket",
        "connection: upgrade",
        "sec-websocket-version: 13",
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
    )
    assert status in (400, 403, 404, 405)


@pytest.mark.parametrize(
    ("first", "lines", "answers"),
    [
        ("GET http://evil.example/config HTTP/1.1", ["host: evil.example"], {400, 403}),
        ("GET //evil.example/config HTTP/1.1", [], {404}),
        ("GET /config HTTP/1.0", [], {200}),
        ("TRACE /config HTTP/1.1", [], {405, 501}),
        ("CONNECT evil.example:443 HTTP/1.1", [], {400, 403, 404, 405}),
        ("BREW /config HTTP/1.1", [], {400, 404, 405, 415, 501}),
        ("GET /" + "x" * 200_000 + " HTTP/1.1", [], {400, 414, 431}),
        ("GET /config HTTP/1.1", [f"x-{number}: a" for number in range(20_000)], {400, 431}),
        ("GET /config HTTP/1.1", ["x-studio-visitor: " + "é" * 50], {200, 400}),
        ("GET /config HTTP/1.1", ["range: bytes=" + ",".join(["0-"] * 2_000)], {200, 206, 400, 416, 431}),
        ("GET /config HTTP/1.1", ["accept-encoding: " + "gzip;q=0.1, " * 2_000], {200, 400, 431}),
        ("GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1", [], {404}),
        ("GET /studio/x/..%2f..%2fapp.py HTTP/1.1", [], {404}),
        ("GET /gradio_api/file=%2fetc%2fpasswd HTTP/1.1", [], {403, 404}),
        (
            "POST /gradio_api/queue/join HTTP/1.1",
            ["content-type: application/json", "content-length: 00000000000"],
            {422},
        ),
    ],
)
def test_odd_questions_are_answered_and_harm_nothing(
    served: App, first: str, lines: list[str], answers: set[int]
) -> None:
    where = [] if any(line.startswith("host:") for line in lines) else [f"host: 127.0.0.1:{served.port}"]
    assert speak(served, first, *where, *lines)[0] in answers
    assert get(f"{served.url}/config").status_code == 200


def test_a_range_of_very_many_parts_of_a_script_is_soon_answered(served: App) -> None:
    address = re.search(r"studio/[\d.]+/plotly.min.js", get(f"{served.url}/config").text)
    assert address
    began = time.monotonic()
    many = {"range": "bytes=" + ",".join(f"{number}-" for number in range(3_000))}
    assert get(f"{served.url}/{address[0]}", headers=many).status_code in (200, 206, 400, 416)
    assert time.monotonic() - began < 30
    assert get(f"{served.url}/{address[0]}").headers["content-type"].startswith("text/javascript")


def test_readers_that_never_read_keep_nobody_waiting(served: App) -> None:
    with contextlib.ExitStack() as idle:
        for number in range(60):
            line = idle.enter_context(socket.create_connection(("127.0.0.1", served.port), timeout=60))
            head = f"GET /config HTTP/1.1\r\nhost: 127.0.0.1:{served.port}\r\n"
            line.sendall((head + ("\r\n" if number % 2 else "x-slow: ")).encode())
        assert get(f"{served.url}/config").status_code == 200


def test_a_form_of_thousands_of_parts_or_nested_without_end_is_refused(served: App) -> None:
    parts = b"".join(b'--x\r\ncontent-disposition: form-data; name="f"\r\n\r\na\r\n' for _ in range(20_000))
    kind = {"content-type": "multipart/form-data; boundary=x"}
    assert post(f"{served.url}/gradio_api/upload", content=parts + b"--x--\r\n", headers=kind).status_code >= 400
    deep = b'{"data": ' + b"[" * 200_000 + b"]" * 200_000 + b', "fn_index": 0, "session_hash": "x"}'
    kind = {"content-type": "application/json"}
    assert post(f"{served.url}/gradio_api/queue/join", content=deep, headers=kind).status_code in (400, 422)


@pytest.mark.parametrize(
    "name", ["../../up.json", "/etc/up.json", "a\x00.json", "CON", "." * 300, "-rf", "\u202ejson.exe"]
)
def test_a_name_of_a_file_leads_nowhere(served: App, name: str) -> None:
    sent = post(f"{served.url}/gradio_api/upload", files={"files": (name, b"{}")})
    assert sent.status_code in (200, 400, 422, 500)
    if sent.status_code == 200:
        [path] = sent.json()
        assert Path(path).resolve().is_relative_to(Path(os.environ["GRADIO_TEMP_DIR"]).resolve())


@pytest.fixture(scope="module")
def owner(served: App) -> Stranger:
    """The person whose studio it is, as a program: it may name folders of this computer as models."""
    return Stranger(served.url)


def look(owner: Stranger, model: Path, task_id: str = "studio002_question") -> str:
    """Ask what a model sees of an instance, as the page does; return what is told."""
    recipe = {"model": str(model), "task_id": task_id, "objective": {"name": "sft", "template": "chat"}}
    return json.dumps(owner.act("see_tokens", {"recipe": recipe, "place": 0}))


def make_model(folder: Path, template: str = "", **config: Any) -> Path:
    """Make a foreign model with this chat template, and this in its config."""
    shutil.copytree(BUILTIN_FOLDER, folder)
    (folder / "chat_template.jinja").write_text(template)
    said = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**said, **config}))
    return folder


@pytest.mark.long
def test_row_13_a_config_of_ten_million_layers(owner: Stranger, tmp_path: Path) -> None:
    model = make_model(tmp_path / "deep", num_hidden_layers=10_000_000)
    began = time.monotonic()
    told = owner.call("estimate", {"model": str(model), "task_id": "studio002_question"})
    assert "event: error" in told and tells(told, "10000000 1,000") and time.monotonic() - began < 30, told


@pytest.mark.long
def test_row_14_a_template_of_all_memory(owner: Stranger, tmp_path: Path) -> None:
    assert "memory" in look(owner, make_model(tmp_path / "large", "{{ 'a' * 2**35 }}"))


@pytest.mark.long
def test_row_20_a_tokenizer_that_gives_up(owner: Stranger, tmp_path: Path) -> None:
    model = make_model(tmp_path / "panics", "{% for turn in messages %}{{ turn.content }}{% endfor %}")
    said = json.loads((model / "tokenizer.json").read_text())
    said["normalizer"] = {"type": "Replace", "pattern": {"Regex": "(#+)+!"}, "content": ""}
    (model / "tokenizer.json").write_text(json.dumps(said))
    task = {"Definition": ["Do."], "Instances": [{"id": "1", "input": "#" * 60, "output": ["x"]}]}
    assert "event: complete" in owner.import_file("hashes.json", json.dumps(task).encode())
    assert "tokenizer" in look(owner, model, "hashes")


def test_row_6_work_that_never_ends_leaves_threads_for_others(served: App, owner: Stranger, tmp_path: Path) -> None:
    """The last but one in this file: the server is ended in the middle of it."""
    loop = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    model, busy = make_model(tmp_path / "endless", loop), list[str]()

    def ask() -> None:
        with contextlib.suppress(httpx.HTTPError):  # the server ends in the middle of it
            busy.append(look(owner, model))

    for _ in range(44):
        threading.Thread(target=ask, daemon=True).start()
    until = time.monotonic() + 20
    while len(busy) < 20 and time.monotonic() < until:
        time.sleep(0.1)
    assert len(busy) >= 20, "most are told at once that others are being worked on"
    assert all("busy" in told for told in busy), busy[0]
    assert owner.click() < 10


def test_nobody_writes_into_the_log(served: App) -> None:
    """Last in this file: the log is read once the server has ended."""
    get(f"{served.url}/gradio_api/custom_component/x/client/t/a%0aFORGED line")
    where = urlsplit(served.url)
    for _ in range(5):
        with socket.create_connection((where.hostname, where.port), timeout=60) as line:
            head = ["POST /gradio_api/upload HTTP/1.1", f"host: 127.0.0.1:{served.port}", "content-length: 9999"]
            line.sendall("\r\n".join([*head, "content-type: multipart/form-data; boundary=x", "", "--x\r\n"]).encode())
    served.stop()
    served.join()
    said = served.output()
    assert "FORGED" not in said and "Traceback" not in said, said
    assert not re.search(r"monitoring/\S+", said)
