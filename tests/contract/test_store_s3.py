"""The S3 store where it is more than the contract: lost answers, refusals, broken bodies, and what the errors say."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError
from botocore.response import StreamingBody

import servers
from nodetally.errors import StoreError
from nodetally.store.base import Headers
from nodetally.store.s3 import ATTEMPTS, CONFLICT_ATTEMPTS, S3Store
from s3_faults import Wire

PLAIN = Headers("application/json", "public, max-age=30", None)
ZIPPED = Headers("text/html", "public, max-age=60", "gzip")


def body_of(store: S3Store, key: str) -> bytes:
    stored = store.get(key)
    assert stored is not None
    return stored.body


def test_a_put_new_whose_answer_was_lost_is_ours(server_store: S3Store) -> None:
    """The write was done, its answer lost, the client's next attempt told 412: that is success, not a lost race."""
    wire = Wire(server_store)
    wire.lose_answer("PutObject", server_store)
    assert server_store.put_new("a", b"ours", PLAIN) is True
    assert wire.sent == ["PutObject", "HeadObject"]  # the lost one was sent before the count
    assert body_of(server_store, "a") == b"ours"


def test_a_put_if_match_whose_answer_was_lost_is_ours(server_store: S3Store) -> None:
    """The same when replacing."""
    server_store.put("a", b"1", PLAIN)
    etag = server_store.get("a").etag  # type: ignore[union-attr]
    wire = Wire(server_store)
    wire.lose_answer("PutObject", server_store)
    assert server_store.put_if_match("a", b"2", etag, PLAIN) is True
    assert body_of(server_store, "a") == b"2"


def test_a_lost_answer_does_not_claim_anothers_object(server_store: S3Store) -> None:
    """Another's object with the very same bytes was there first: attempts that failed do not make it ours."""
    server_store.put_new("a", b"same", PLAIN)
    Wire(server_store).lose_answer("PutObject", server_store)
    assert server_store.put_new("a", b"same", PLAIN) is False


def test_a_plain_refusal_costs_no_second_look(server_store: S3Store) -> None:
    """412 at the first attempt is certain: the slot that is there already costs one request."""
    server_store.put_new("a", b"1", PLAIN)
    wire = Wire(server_store)
    assert server_store.put_new("a", b"2", PLAIN) is False
    assert wire.sent == ["PutObject"]


def test_a_conflict_is_tried_again(server_store: S3Store) -> None:
    """409 ConditionalRequestConflict says nothing: look, and if nothing is there put again."""
    wire = Wire(server_store)
    wire.refuse("PutObject", 409, "ConditionalRequestConflict", times=2)
    assert server_store.put_new("a", b"1", PLAIN) is True
    assert body_of(server_store, "a") == b"1"


def test_a_conflict_with_a_winner_is_a_lost_race(server_store: S3Store) -> None:
    """409, and by then the other's object is there."""
    server_store.put("a", b"theirs", PLAIN)
    etag = server_store.get("a").etag  # type: ignore[union-attr]
    Wire(server_store).refuse("PutObject", 409, "ConditionalRequestConflict")
    assert server_store.put_new("a", b"ours", PLAIN) is False
    Wire(server_store).refuse("PutObject", 409, "ConditionalRequestConflict")
    assert server_store.put_if_match("a", b"ours", etag, PLAIN) is False
    assert body_of(server_store, "a") == b"theirs"


def test_endless_conflicts_are_an_error(server_store: S3Store) -> None:
    """Bounded attempts, then a StoreError that says why."""
    Wire(server_store).refuse("PutObject", 409, "ConditionalRequestConflict", times=CONFLICT_ATTEMPTS)
    with pytest.raises(StoreError, match="409 ConditionalRequestConflict") as caught:
        server_store.put_new("a", b"1", PLAIN)
    assert "concurrencyPolicy" in caught.value.hint
    assert server_store.get("a") is None


@pytest.mark.parametrize(("status", "code"), [(500, "InternalError"), (503, "SlowDown"), (503, "ServiceUnavailable")])
def test_a_server_that_fails_once_is_tried_again(
    server_store: S3Store, monkeypatch: pytest.MonkeyPatch, status: int, code: str
) -> None:
    """Standard retries: nobody notices."""
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    Wire(server_store).refuse("PutObject", status, code)
    assert server_store.put_new("a", b"1", PLAIN) is True


@pytest.mark.parametrize(
    ("operation", "status", "code", "hint"),
    [
        ("PutObject", 403, "AccessDenied", "allow s3:PutObject on arn:aws:s3:::nodetally-tests/test-"),
        ("GetObject", 403, "AccessDenied", "s3:ListBucket on arn:aws:s3:::nodetally-tests"),
        ("ListObjectsV2", 403, "AccessDenied", "allow s3:ListBucket on arn:aws:s3:::nodetally-tests"),
        ("DeleteObject", 403, "AccessDenied", "allow s3:DeleteObject"),
        ("PutObject", 400, "ExpiredToken", "aws sso login"),
        ("PutObject", 403, "InvalidAccessKeyId", "AWS_ACCESS_KEY_ID"),
        ("PutObject", 403, "SignatureDoesNotMatch", "AWS_SECRET_ACCESS_KEY"),
        ("PutObject", 403, "RequestTimeTooSkewed", "clock"),
        ("PutObject", 404, "NoSuchBucket", "aws s3 mb s3://nodetally-tests"),
        ("GetObject", 404, "NoSuchBucket", "aws s3 mb s3://nodetally-tests"),
        ("PutObject", 503, "SlowDown", f"{ATTEMPTS} attempts"),
        ("PutObject", 500, "InternalError", f"failed {ATTEMPTS} times"),
        ("PutObject", 501, "NotImplemented", "conditional puts"),
        ("PutObject", 400, "KMS.DisabledException", "the bucket's KMS key cannot be used"),
        ("PutObject", 418, "Teapot", "error responses"),
    ],
)
def test_refusals_name_key_code_and_fix(
    server_store: S3Store, monkeypatch: pytest.MonkeyPatch, operation: str, status: int, code: str, hint: str
) -> None:
    """Each refusal is a StoreError with the URL, the code and the next step; conditional puts never hide one."""
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    Wire(server_store).refuse(operation, status, code, times=ATTEMPTS)
    acts: dict[str, Callable[[], object]] = {
        "PutObject": lambda: server_store.put_new("a/b", b"1", PLAIN),
        "GetObject": lambda: server_store.get("a/b"),
        "ListObjectsV2": lambda: list(server_store.list("a/b")),
        "DeleteObject": lambda: server_store.delete("a/b"),
    }
    with pytest.raises(StoreError, match=f"a/b in {server_store.url}: {status} {code} made up") as caught:
        acts[operation]()
    assert hint in caught.value.hint


def test_a_refusal_in_another_partition_names_its_arns() -> None:
    """What the hint says can be put into a policy there: GovCloud and China take no arn:aws."""
    environment = {"AWS_REGION": "us-gov-west-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s"}
    store = S3Store("bucket", "p", environment=environment)
    Wire(store).refuse("PutObject", 403, "AccessDenied", times=1)
    with pytest.raises(StoreError) as caught:
        store.put_new("a", b"1", PLAIN)
    assert "allow s3:PutObject on arn:aws-us-gov:s3:::bucket/p/*" in caught.value.hint


def test_a_policy_that_denies_by_name_is_told_as_that(server_store: S3Store) -> None:
    """Allowing more would help nothing: such a policy wants TLS, a network, or an encryption header."""
    denied = "User: arn:aws:sts::1:a/b is not authorized: with an explicit deny in a resource-based policy"
    Wire(server_store).refuse("PutObject", 403, "AccessDenied", said=denied)
    with pytest.raises(StoreError) as caught:
        server_store.put_new("a", b"1", PLAIN)
    assert caught.value.hint.startswith("a policy denies this by name")


def test_a_body_that_breaks_off_is_read_again(server_store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection cut in the middle of a body costs another request, never a short body."""
    server_store.put("a", b"whole body", PLAIN)
    read = StreamingBody.read
    cuts = [None] * (ATTEMPTS - 1)

    def cut(self: StreamingBody, amt: int | None = None) -> Any:
        if cuts:
            cuts.pop()
            raise ConnectionClosedError(endpoint_url="cut")
        return read(self, amt)

    monkeypatch.setattr(StreamingBody, "read", cut)
    assert body_of(server_store, "a") == b"whole body"
    cuts.extend([None] * ATTEMPTS)
    with pytest.raises(StoreError, match="cannot read a in s3://"):
        server_store.get("a")


def test_headers_reach_the_object(moto_store: S3Store) -> None:
    """Content type, cache and encoding are what browsers and engines are told."""
    moto_store.put("page", b"x", ZIPPED)
    moto_store.put("plain", b"x", PLAIN)
    page, plain = (
        moto_store.client.head_object(Bucket=moto_store.bucket, Key=f"some/prefix/{key}") for key in ("page", "plain")
    )
    assert (page["ContentType"], page["CacheControl"], page["ContentEncoding"]) == tuple(ZIPPED)
    assert "ContentEncoding" not in plain


def test_stores_in_one_bucket_do_not_see_each_other(moto_store: S3Store) -> None:
    """A prefix ends at its slash: some/prefix and some/prefix2 are two stores."""
    other = S3Store(moto_store.bucket, "some/prefix2")
    other.put("a", b"1", PLAIN)
    assert (moto_store.get("a"), list(moto_store.list(""))) == (None, [])
    assert [entry.key for entry in other.list("")] == ["a"]


def test_an_endpoint_of_ones_own_gets_keys_in_the_path() -> None:
    """No DNS name per bucket there; at AWS the bucket stays in the host name."""
    own = S3Store("bucket", environment={"AWS_ENDPOINT_URL": "http://s3.example:9000", "AWS_REGION": "us-east-1"})
    aws = S3Store("bucket", environment={"AWS_REGION": "eu-west-1"})
    styles = [(store.client.meta.config.s3 or {}).get("addressing_style") for store in (own, aws)]
    assert styles == ["path", None]
    assert own.client.meta.endpoint_url == "http://s3.example:9000"


def test_the_environments_endpoint_is_used(s3_server: servers.S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS_… variables work as with every AWS tool, with no option of our own."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    store = S3Store("nodetally-tests", "from-environment")
    assert store.put_new("a", b"1", PLAIN) is True


def test_a_wrong_secret_is_refused_by_a_real_server(s3_server: servers.S3Server) -> None:
    """The real answer's code is among those with a hint."""
    store = S3Store("nodetally-tests", environment={**s3_server.environment, "AWS_SECRET_ACCESS_KEY": "wrong"})
    with pytest.raises(StoreError, match="SignatureDoesNotMatch") as caught:
        store.get("a")
    assert "AWS_SECRET_ACCESS_KEY" in caught.value.hint


def test_a_bucket_that_is_not_there_is_named(moto_store: S3Store) -> None:
    """Not an absent object, but an error with the command that makes the bucket."""
    del moto_store  # S3 in process is on
    store = S3Store("no-such-bucket")
    for act in (lambda: store.get("a"), lambda: store.put_new("a", b"1", PLAIN), lambda: list(store.list(""))):
        with pytest.raises(StoreError, match="NoSuchBucket") as caught:
            act()
        assert "aws s3 mb s3://no-such-bucket" in caught.value.hint


def test_an_endpoint_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens: the endpoint, and how to try it by hand."""
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    (port,) = servers.free_ports(1)
    endpoint = f"http://127.0.0.1:{port}"
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "us-east-1"}
    store = S3Store("bucket", environment={**keys, "AWS_ENDPOINT_URL_S3": endpoint})
    with pytest.raises(StoreError, match=f"127.0.0.1:{port}") as caught:
        store.get("a")
    assert f"curl -sv {endpoint}" in caught.value.hint


def test_no_credentials_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Nothing in the environment, no profile, no metadata service: the ways there are."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(StoreError, match="Unable to locate credentials") as caught:
        S3Store("bucket", environment={"AWS_REGION": "us-east-1"}).get("a")
    assert "IRSA" in caught.value.hint


def test_the_process_own_region_is_read_as_the_aws_cli_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS_REGION alone, as a pod's ConfigMap sets it; it comes before AWS_DEFAULT_REGION."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert S3Store("bucket").client.meta.region_name == "eu-west-1"
    monkeypatch.delenv("AWS_REGION")
    assert S3Store("bucket").client.meta.region_name == "us-west-2"


def test_a_profile_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """The client cannot even be made: still a StoreError with a hint."""
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(StoreError, match="nobody") as caught:
        S3Store("bucket")
    assert "AWS_PROFILE" in caught.value.hint


def test_a_server_that_knows_no_checksums_can_be_spared_them(
    s3_server: servers.S3Server, server_store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As docs/install.md says it: the client adds one to a put unless it is told not to."""
    sent: list[bool] = []

    def note(request: Any, **_: Any) -> None:
        sent.append(any(name.lower().startswith("x-amz-checksum") for name in request.headers))

    for calculation in ("when_supported", "when_required"):
        monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", calculation)
        store = S3Store(server_store.bucket, "checksums", environment=s3_server.environment)
        store.client.meta.events.register("before-send.s3.PutObject", note)
        store.put(calculation, b"1", PLAIN)
        assert body_of(store, calculation) == b"1"
    assert sent == [True, False]
