# ruff: noqa: T201, S603, S607  # it prints, and starts what it tests
"""Everything that the browser tests need, started and ended here: `run.py test [NAME] | bench | picture`.

A store (made once, kept in .store) lies in a bucket of a real S3 server, public by the policy of docs/dashboard, with
the page published by the command line; the same store is served by `nodetally dashboard serve`. The tests run against
both; they are told by environment variables where things are.
"""

import contextlib
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

import bench_store  # noqa: E402
import showcase  # noqa: E402
from make_store import make, text  # noqa: E402

import servers  # noqa: E402
from nodetally.store.layout import STATE_HEADERS, public_headers, state_key  # noqa: E402
from nodetally.store.s3 import S3Store  # noqa: E402

NODETALLY = str(Path(sys.executable).with_name("nodetally"))
STORE = HERE.parent / ".store"
PICTURE_BYTES = 200_000  # it is in every clone, and in the first thing that a reader loads
BUCKET, PREFIX = "site", "team/demo"
SECRET = "a-pod-that-nobody-may-see"  # noqa: S105 -- stands for what state/ holds


def store() -> Path:
    """The store, made again when the program that makes it was changed: a minute and a half."""
    mark = hashlib.sha256((HERE / "make_store.py").read_bytes()).hexdigest()
    noted = STORE / ".made-by"
    if not noted.is_file() or noted.read_text() != mark:
        print("Making the store of the browser tests: a minute or two, once.", flush=True)
        make(STORE)
        noted.write_text(mark)
    return STORE


def upload(folder: Path, environment: dict[str, str]) -> None:
    """The store and the page into a bucket that anyone may read, as docs/dashboard.md says."""
    target = S3Store(BUCKET, PREFIX, environment=environment)
    target.client.create_bucket(Bucket=BUCKET)
    target.put(state_key("prod-eu-1", "watch-cache"), SECRET.encode(), STATE_HEADERS)

    def put(path: Path) -> None:
        key = path.relative_to(folder).as_posix()
        headers = public_headers(key)
        if headers:
            target.put(key, path.read_bytes(), headers)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, (path for path in folder.rglob("*") if path.is_file())))
    policy = (ROOT / "docs/dashboard/bucket-policy.json").read_text().replace("BUCKET", BUCKET)
    target.client.put_bucket_policy(Bucket=BUCKET, Policy=policy.replace("PREFIX", PREFIX))
    subprocess.run(
        [NODETALLY, "dashboard", "publish", "--store", target.url],
        check=True, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """`nodetally dashboard serve` of a folder; its address."""
    command = [NODETALLY, "dashboard", "serve", "--store", str(folder), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            line = process.stderr.readline() if process.stderr else ""
            found = re.search(r"http://\S+/", line)
            if not found:
                raise SystemExit(f"dashboard serve did not start: {line}")
            yield found[0]
        finally:
            process.terminate()


def dump(folder: Path) -> Path:
    """A small cluster as kubectl would write it, for a store that the tests add passes to."""
    sizes = {"cpu": "4", "memory": "16Gi", "pods": "110"}
    items: list[dict[str, Any]] = [
        {"kind": "Node", "metadata": {"name": f"node-{number:02}", "uid": f"u{number}"}, "spec": {},
         "status": {"capacity": sizes, "allocatable": sizes, "conditions": [{"type": "Ready", "status": "True"}]}}
        for number in range(80)
    ]  # fmt: skip
    items.append(
        {"kind": "Pod", "metadata": {"name": "p", "namespace": "n"}, "status": {"phase": "Running"},
         "spec": {"nodeName": "node-00", "containers": [{"name": "c", "resources": {"requests": {"cpu": "1"}}}]}}
    )  # fmt: skip
    path = folder / "live.json"
    path.write_text(json.dumps({"kind": "List", "items": items}))
    return path


@contextlib.contextmanager
def everything() -> Iterator[dict[str, str]]:
    """All that runs, as variables for the tests."""
    folder = store()
    with contextlib.ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        s3 = stack.enter_context(servers.s3_server(scratch / "s3"))
        upload(folder, dict(s3.environment))
        (scratch / "empty").mkdir()
        (scratch / "live").mkdir()
        made = json.loads((folder / "made.json").read_text())
        yield {
            "SITE_BUCKET": f"{s3.endpoint}/{BUCKET}/{PREFIX}/index.html",
            "SITE_SERVE": stack.enter_context(served(folder)),
            "SITE_EMPTY": stack.enter_context(served(scratch / "empty")),
            "SITE_LIVE": stack.enter_context(served(scratch / "live")),
            "LIVE_STORE": str(scratch / "live"),
            "LIVE_DUMP": str(dump(scratch)),
            "STORE": str(folder),
            "STORE_NOW": made["now"],
            "NODETALLY": NODETALLY,
            "SECRET": SECRET,
        }


def bench() -> int:
    """benchmarks/page.md and page.json: the page as anyone loads it from a bucket."""
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        bench_store.make(scratch / "store")
        with servers.s3_server(scratch / "s3") as s3:
            upload(scratch / "store", dict(s3.environment))
            site = {"SITE_BUCKET": f"{s3.endpoint}/{BUCKET}/{PREFIX}/index.html"}
            environment = {**os.environ, **site, "STORE_NOW": text(bench_store.NOW)}
            return subprocess.run(["node", str(HERE / "bench.mjs")], env=environment, check=False).returncode


def picture() -> int:
    """docs/dashboard/page.png, of simulated clusters that have a day with a shape."""
    target = ROOT / "docs/dashboard/page.png"
    with tempfile.TemporaryDirectory() as folder:
        showcase.make(Path(folder))
        with served(Path(folder)) as site:
            command = ["node", str(HERE / "picture.mjs"), site, str(target), text(showcase.NOW)]
            code = subprocess.run(command, check=False).returncode
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size} bytes")
    return code or int(target.stat().st_size > PICTURE_BYTES)


def run(what: str, name: str) -> int:
    if what in ("bench", "picture"):
        return bench() if what == "bench" else picture()
    with everything() as variables:
        environment = {**os.environ, **variables}
        codes = []
        for site in ("bucket", "serve"):
            print(f"── the page from {'a bucket' if site == 'bucket' else 'dashboard serve'}", flush=True)
            files = sorted(str(path) for path in HERE.glob("*.test.mjs") if name in path.name)
            if site == "serve":  # what people see and press does not depend on who sends the files
                files = [path for path in files if not re.search("people|figures", path)] or files
            command = ["node", "--test", "--test-reporter=spec", "--test-concurrency=1", *files]
            environment["SITE"] = variables[f"SITE_{site.upper()}"]
            environment["SITE_KIND"] = site
            codes.append(subprocess.run(command, env=environment, cwd=HERE, check=False).returncode)
    return max(codes)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""))
