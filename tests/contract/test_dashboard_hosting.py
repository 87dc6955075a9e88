"""The documents of docs/dashboard on a real S3 server: anyone reads the page's keys, nobody the kept cache."""

import json
import re
import urllib.error
import urllib.request
from typing import Any

import pytest

import documents
import servers
from nodetally import snapshot
from nodetally.dashboard.built import built_page
from nodetally.dashboard.publish import publish
from nodetally.store import policy
from nodetally.store.layout import STATE_HEADERS, public_headers, rollup_key, state_key
from nodetally.store.publish import publish as publish_snapshot
from nodetally.store.s3 import S3Store
from paths import ROOT

DOCS = ROOT / "docs"
PREFIX, ORIGIN = "some/prefix", "https://tools.example.com"
SECRET = state_key("c", "watch-cache")


def document(name: str, bucket: str = "BUCKET") -> Any:
    text = (DOCS / "dashboard" / name).read_text()
    return json.loads(text.replace("BUCKET", bucket).replace("PREFIX", PREFIX))


@pytest.fixture(scope="module")
def site(s3_server: servers.S3Server) -> str:
    """A bucket with a page, documents and a kept cache under a prefix, the policy and the CORS rules applied."""
    store = S3Store("site", PREFIX, environment=s3_server.environment)
    store.client.create_bucket(Bucket="site")
    fill(store)
    store.client.put_bucket_policy(Bucket="site", Policy=json.dumps(document("bucket-policy.json", "site")))
    store.client.put_bucket_cors(Bucket="site", CORSConfiguration=document("cors.json"))
    return f"{s3_server.endpoint}/site/{PREFIX}/"


def fill(store: S3Store) -> None:
    made = documents.snapshot([documents.node("n1")], cluster="c")
    publish_snapshot(store, made, snapshot.encode(made))
    store.put(SECRET, b"names of pods", STATE_HEADERS)
    store.put(rollup_key("nodes", "c", "2026-11-23"), b"rows", STATE_HEADERS)
    for _ in publish(store, built_page(), now=0):
        pass


def status(url: str, **headers: str) -> tuple[int, Any]:
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.headers


def test_anyone_reads_what_the_page_needs(site: str, s3_server: servers.S3Server) -> None:
    """Each key of the store that is the page's or that the page may show, and no other."""
    store = S3Store("site", PREFIX, environment=s3_server.environment)
    for entry in store.list(""):
        page = entry.key == "index.html" or entry.key.startswith("assets/")
        wanted = 200 if page or public_headers(entry.key) else 403
        assert (entry.key, status(site + entry.key)[0]) == (entry.key, wanted)


def test_nobody_lists_the_bucket_or_reads_the_kept_cache(site: str) -> None:
    """state/ holds names of pods."""
    root = site.removesuffix(f"{PREFIX}/")
    assert status(site + SECRET)[0] == 403
    assert status(f"{root}?list-type=2")[0] == 403


def test_another_origin_may_read_only_when_it_is_allowed(site: str) -> None:
    """The one in cors.json, by GET."""
    mine = status(f"{site}clusters.json", Origin=ORIGIN)
    other = status(f"{site}clusters.json", Origin="https://evil.example")
    assert (mine[0], mine[1]["Access-Control-Allow-Origin"]) == (200, ORIGIN)
    assert other[1]["Access-Control-Allow-Origin"] is None


def test_both_policies_name_the_keys_of_the_layout() -> None:
    """What a reader may get and the page itself; never state/ or rollups/."""
    wanted = {*policy.PURPOSES["read"].get, *policy.PAGE} - {"rollups/*"}  # which the page does not read
    for name in ("bucket-policy.json", "bucket-policy-cloudfront.json"):
        (statement,) = document(name)["Statement"]
        named = {arn.removeprefix(f"arn:aws:s3:::BUCKET/{PREFIX}/") for arn in statement["Resource"]}
        assert (statement["Effect"], statement["Action"], named) == ("Allow", "s3:GetObject", wanted)


def test_the_docs_link_to_every_document() -> None:
    """And to none that is not there."""
    text = (DOCS / "dashboard.md").read_text()
    linked = set(re.findall(r"\]\((dashboard/[^)]+)\)", text))
    assert linked == {f"dashboard/{path.name}" for path in (DOCS / "dashboard").iterdir()}
