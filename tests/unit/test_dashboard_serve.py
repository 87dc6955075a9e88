"""`nodetally dashboard serve` from outside: what it answers, and all that it refuses."""

import http.client
import os
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import documents
import pages
from nodetally import snapshot
from nodetally.dashboard.serve import serving
from nodetally.errors import WrongUse
from nodetally.store.directory import DirectoryStore
from nodetally.store.layout import INDEX_HEADERS, STATE_HEADERS, snapshot_key, state_key
from nodetally.store.publish import publish
from paths import NODETALLY

SNAPSHOT = snapshot_key("c", documents.snapshot([], cluster="c")["slot"])


class Reply(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a snapshot, a kept cache, somebody's notes, and links out of it."""
    root = tmp_path_factory.mktemp("serve")
    store = DirectoryStore(root / "store")
    document = documents.snapshot([documents.node("n1")], cluster="c")
    publish(store, document, snapshot.encode(document))
    store.put(state_key("c", "watch-cache"), b"names of pods", STATE_HEADERS)
    store.put("notes.txt", b"mine", INDEX_HEADERS)
    (root / "secret.json").write_text("secret")
    (root / "elsewhere").mkdir()
    (root / "elsewhere" / "index.json").write_text("secret")
    (root / "store/clusters/linked").mkdir()
    (root / "store/clusters/linked/index.json").symlink_to(root / "secret.json")
    (root / "store/clusters/folder").symlink_to(root / "elsewhere")
    return root / "store"


@pytest.fixture(scope="module")
def port(folder: Path) -> Iterator[int]:
    with serving(DirectoryStore(folder), pages.page("one"), 0) as server:
        answering = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        answering.start()
        yield server.server_address[1]
        server.shutdown()
        answering.join()


def ask(port: int, target: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Reply:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.putrequest(method, target, skip_host="Host" in named)
        for name, value in {**named, **({"Content-Length": str(len(body))} if body else {})}.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return Reply(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def test_the_page_and_its_assets_come_from_the_package(port: int) -> None:
    """With their types; the page is asked for again each time, an asset never."""
    page = pages.page("one")
    ((key, file),) = page.assets.items()
    for target in ("/", "/index.html", "/?x=1"):
        got = ask(port, target)
        assert (got.status, got.body) == (200, page.front.body)
        assert (got.headers["Content-Type"], got.headers["Cache-Control"]) == ("text/html; charset=utf-8", "no-cache")
    got = ask(port, f"/{key}")
    assert (got.status, got.body, got.headers["Content-Type"]) == (200, file.body, file.headers.content_type)
    assert "immutable" in got.headers["Cache-Control"]


def test_documents_come_as_they_are_stored(port: int, folder: Path) -> None:
    """gzip stays gzip, without a Content-Encoding that would unpack it; another store may follow at this address."""
    for key in ("clusters.json", "clusters/c/index.json", "clusters/c/latest.json.gz", SNAPSHOT):
        got = ask(port, f"/{key}")
        assert (got.status, got.body) == (200, (folder / key).read_bytes())
        assert got.headers["Content-Type"] == "application/json"
        assert (got.headers["Content-Encoding"], got.headers["Cache-Control"]) == (None, "no-cache")


@pytest.mark.parametrize("target", ["/", "/clusters.json", "/assets/index-one.js"])
def test_what_the_browser_has_is_not_sent_again(port: int, target: str) -> None:
    """304 for the ETag that was sent, in each form of the header; 200 for another."""
    first = ask(port, target)
    for form in ("{}", "W/{}", '"other", {}', "*"):
        got = ask(port, target, If_None_Match=form.format(first.headers["ETag"]))
        assert (got.status, got.body, got.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert ask(port, target, If_None_Match='"other"').status == 200


def test_head_is_get_without_the_body(port: int) -> None:
    """The same headers, the length too."""
    got, head = ask(port, "/clusters.json"), ask(port, "/clusters.json", "HEAD")
    assert (head.status, head.body) == (200, b"")
    drop = {"Date"}
    assert {*got.headers.items()} - {*head.headers.items()} <= {(name, got.headers[name]) for name in drop}
    assert head.headers["Content-Length"] == str(len(got.body))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "CONNECT"])
def test_nothing_but_reading(port: int, method: str) -> None:
    """405, and the connection ends: what follows is not read as a request."""
    got = ask(port, "/clusters.json", method, b"GET /clusters.json HTTP/1.1\r\n\r\n")
    assert (got.status, got.headers["Allow"], got.headers["Connection"]) == (405, "GET, HEAD", "close")
    assert got.headers["Access-Control-Allow-Origin"] is None


@pytest.mark.parametrize(
    "target",
    [
        "/state/c/watch-cache", "/state%2Fc%2Fwatch-cache", "/%73tate/c/watch-cache", "//state/c/watch-cache",
        "/clusters/../state/c/watch-cache", "/clusters/%2e%2e/state/c/watch-cache", "/clusters/c/..%2f..%2fnotes.txt",
        "/notes.txt", "/../secret.json", "/%2e%2e/secret.json", "/..%5csecret.json", "/.nodetally/tmp", "/clusters/..",
        "/clusters", "/clusters/", "/clusters/c/", "/snapshots/", "/assets/", "/assets/../notes.txt", "/rollups/",
        "/clusters/c/index.json/", "/clusters/c/index.json%00", "/clusters/c%00/index.json", "/%ff", "/assets/other.js",
        "http://127.0.0.1/clusters.json", "//evil.example/clusters.json", "*", "clusters.json",
    ],
)  # fmt: skip
def test_nothing_but_what_the_page_reads(port: int, target: str) -> None:
    """No kept cache, no listing, no way out of the folder, nothing else that lies in it."""
    got = ask(port, target)
    assert got.status in (400, 404)
    assert b"secret" not in got.body
    assert b"pods" not in got.body


@pytest.mark.parametrize("key", ["clusters/linked/index.json", "clusters/folder/index.json"])
def test_links_are_not_followed(port: int, key: str) -> None:
    """Neither to a file nor through a folder; what is wrong is told on the terminal, not to the browser."""
    got = ask(port, f"/{key}")
    assert (got.status, got.body) == (502, b"502 Bad Gateway\n")


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "", "10.0.0.1"]
)
def test_another_host_name_is_refused(port: int, host: str) -> None:
    """A web site that points its name to 127.0.0.1 reads nothing."""
    assert ask(port, "/clusters.json", Host=host).status == 421


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9000", "127.0.0.1:80", "[::1]:8790"])
def test_names_of_loopback_are_good_at_any_port(port: int, host: str) -> None:
    """A forwarded port has another number."""
    assert ask(port, "/clusters.json", Host=host).status == 200


def test_every_answer_carries_the_security_headers(port: int) -> None:
    """Refusals, too; the policy is the page's own, and what only a header can say."""
    for target, method in (("/", "GET"), ("/clusters.json", "GET"), ("/none", "GET"), ("/", "POST")):
        headers = ask(port, target, method).headers
        assert headers["Content-Security-Policy"] == f"{pages.POLICY}; frame-ancestors 'none'"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["Access-Control-Allow-Origin"] is None


@pytest.mark.parametrize("sent", [b"garbage\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /" + b"a" * 70_000, b"\x16\x03"])
def test_what_is_no_request_ends_the_connection(port: int, sent: bytes) -> None:
    """Whatever it is, and the server goes on."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.makefile("rb").read()
    assert b" 200 " not in answer.split(b"\r\n")[0]
    assert ask(port, "/").status == 200


def test_it_listens_on_loopback_only(folder: Path) -> None:
    """Nothing of the network reaches it."""
    with serving(DirectoryStore(folder), pages.page("one"), 0) as server:
        assert server.socket.getsockname()[0] == "127.0.0.1"


def test_a_port_in_use_is_wrong_use(folder: Path, port: int) -> None:
    """With another way out in the hint."""
    with (
        pytest.raises(WrongUse, match=f"port {port}") as caught,
        serving(DirectoryStore(folder), pages.page("x"), port),
    ):
        pass
    assert "--port 0" in caught.value.hint


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_prints_its_address_and_ends_cleanly(folder: Path, number: int) -> None:
    """Exit code 0, with a browser still connected."""
    command = [NODETALLY, "dashboard", "serve", "--store", str(folder), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stderr
        assert process.stdout
        line = process.stderr.readline()
        found = re.fullmatch(rf"{re.escape(str(folder))} is at http://127\.0\.0\.1:(\d+)/; Ctrl-C stops\.\n", line)
        assert found, line
        with socket.create_connection(("127.0.0.1", int(found[1]))):
            assert ask(int(found[1]), "/clusters.json").status == 200
            process.send_signal(number)
            assert process.wait(30) == 0
        assert (process.stdout.read(), process.stderr.read()) == ("", "")


def test_a_store_without_a_cluster_is_served_and_told(tmp_path: Path) -> None:
    """Its name may be mistyped, which an empty page would not tell the one who started it."""
    command = [NODETALLY, "dashboard", "serve", "--store", str(tmp_path / "mistyped"), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        said = process.stderr.readline(), process.stderr.readline()
        process.terminate()
        assert process.wait(30) == 0
    assert said[0].startswith(f"{tmp_path / 'mistyped'} is at http://127.0.0.1:")
    assert said[1] == "Nothing is stored there yet.\n"


def test_a_command_whose_stderr_is_closed_ends(tmp_path: Path) -> None:
    """The thread that answers does not go on for ever behind a command that failed."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [NODETALLY, "dashboard", "serve", "--store", str(tmp_path), "--port", "0"]
    try:
        done = subprocess.run(command, stderr=writer, check=False, timeout=30)
    finally:
        os.close(writer)
    assert done.returncode != 0


def test_publish_into_a_directory_says_what_it_did(tmp_path: Path) -> None:
    """One line a file on stdout, the next step on stderr."""
    command = [NODETALLY, "dashboard", "publish", "--store", "here"]
    first, second = (
        subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path, env={**os.environ})
        for _ in range(2)
    )
    assert {line.split()[0] for line in first.stdout.splitlines()} == {"written"}
    assert {line.split()[0] for line in second.stdout.splitlines()} == {"unchanged"}
    assert "nodetally dashboard serve --store here" in first.stderr
    assert (tmp_path / "here/index.html").is_file()
