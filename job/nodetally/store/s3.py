"""The store in a bucket: conditional puts, lost answers recognised, every failure named with its fix.

The only module that imports the AWS client: botocore's session, as boto3 would be 0.05 s and 4 MB more for its
resource layer, which nothing here needs. Importing this and making an S3Store is the slow part of using S3.
"""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
)

from nodetally import __version__
from nodetally.errors import StoreError
from nodetally.settings import AWS_SESSION, MOUNT_IDENTITY, NO_ROLE
from nodetally.store.base import Entry, Headers, Stored, check_key
from nodetally.store.s3_hints import hint_for_code, hint_for_exception

CONNECT_TIMEOUT_SECONDS = 5  # loopback to another continent is under 0.5 s
READ_TIMEOUT_SECONDS = 30  # SeaweedFS makes contended puts wait 3 s with 8 writers, 9 s with 16
ATTEMPTS = 4  # standard mode waits up to 1, 2, 4 s between them: about 7 s on a throttled bucket
CONFLICT_ATTEMPTS = 5  # 409 is answered while another conditional put on the key is under way,
CONFLICT_PAUSE_SECONDS = 0.1  # which takes about as long as a put: 3 s are waited in all
EMPTY_HAS_NO_RANGE = 416  # RFC 9110, 15.5.17
WRITE_ID = "nodetally-write"  # metadata: which call wrote an object, to know our own after a lost answer

Answer = dict[str, Any]
Result = TypeVar("Result")


class S3Store:
    """Objects under a prefix of one bucket. Threads may share it."""

    def __init__(
        self,
        bucket: str,
        prefix: str = "",
        *,
        environment: Mapping[str, str] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._sleep = sleep
        self.bucket = bucket
        self.prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self.url = f"s3://{bucket}/{self.prefix}".rstrip("/")
        with self._own_errors("open", "", "the client"):
            self.client = _connect(environment)

    def __repr__(self) -> str:
        return f"S3Store({self.url!r})"

    def get(self, key: str) -> Stored | None:
        with self._own_errors("read", key, "GetObject"):
            return self._missing_is_none(lambda: self._read(key))

    def tail(self, key: str, size: int) -> bytes | None:
        with self._own_errors("read", key, "GetObject"):
            try:
                found = self._missing_is_none(lambda: self._read(key, Range=f"bytes=-{size}"))
            except ClientError as error:
                if _status(error) == EMPTY_HAS_NO_RANGE:
                    return b""
                raise
            return found and found.body[-size:]  # a server may send all of it (RFC 9110, 14.2)

    @contextmanager
    def stream(self, key: str) -> Iterator[Any]:
        """The object's body as it comes, for what is too large to hold; StoreError also when it breaks off."""
        with self._own_errors("read", key, "GetObject"):
            answer = self.client.get_object(Bucket=self.bucket, Key=self.prefix + key)
            with answer["Body"] as body:
                yield body

    def put_new(self, key: str, body: bytes, headers: Headers) -> bool:
        write_id = secrets.token_hex(8)
        for attempt in range(CONFLICT_ATTEMPTS):
            refusal = self._try(key, body, headers, write_id, {"IfNoneMatch": "*"}, (409, 412))
            if refusal is None:
                return True
            if attempt == 0 and _status(refusal) == 412 and not _retries(refusal):
                return False
            found = self._look(key)
            if found is not None:
                return found == write_id
            self._sleep(CONFLICT_PAUSE_SECONDS * 2**attempt)
        raise StoreError(
            f"cannot write {key} in {self.url}: 409 ConditionalRequestConflict, {CONFLICT_ATTEMPTS} times",
            hint="many writers are at this key: run one nodetally per cluster (concurrencyPolicy: Forbid)",
        )

    def put_if_match(self, key: str, body: bytes, etag: str | None, headers: Headers) -> bool:
        if etag is None:
            return self.put_new(key, body, headers)
        write_id = secrets.token_hex(8)
        refusal = self._try(key, body, headers, write_id, {"IfMatch": etag}, (404, 409, 412))
        return refusal is None or (_retries(refusal) > 0 and self._look(key) == write_id)

    def put(self, key: str, body: bytes, headers: Headers) -> None:
        with self._own_errors("write", key, "PutObject"):
            self._send(key, body, headers, {})

    def list(self, prefix: str, start_after: str = "") -> Iterator[Entry]:
        behind = {"StartAfter": self.prefix + start_after} if start_after else {}
        with self._own_errors("list", prefix, "ListObjectsV2"):
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=self.prefix + prefix, **behind
            )
            for page in pages:
                for item in page.get("Contents", ()):
                    modified = item["LastModified"].timestamp()
                    yield Entry(item["Key"].removeprefix(self.prefix), item["Size"], item["ETag"], modified)

    def delete(self, key: str) -> None:
        with self._own_errors("delete", key, "DeleteObject"):
            self.client.delete_object(Bucket=self.bucket, Key=self._key(key))

    def _key(self, key: str) -> str:
        return self.prefix + check_key(key)

    def _read(self, key: str, **part: str) -> Stored:
        """The whole body; started again when it breaks off, which the client's own attempts do not cover."""
        attempt = 1
        while True:
            answer = self.client.get_object(Bucket=self.bucket, Key=self._key(key), **part)
            try:
                return Stored(answer["Body"].read(), answer["ETag"])
            except (HTTPClientError, IncompleteReadError, FlexibleChecksumError):
                if attempt == ATTEMPTS:
                    raise
                attempt += 1
            finally:
                answer["Body"].close()

    def _try(
        self, key: str, body: bytes, headers: Headers, write_id: str, condition: Answer, refusals: tuple[int, ...]
    ) -> ClientError | None:
        """One conditional put; the answer itself where its status says that it was not done.

        It may have been done all the same: when an answer is lost, the client sends again by itself, and the
        second time is told 412. Then the object carries the id of this write (`_look`).
        """
        try:
            with self._own_errors("write", key, "PutObject", leave=refusals):
                self._send(key, body, headers, {**condition, "Metadata": {WRITE_ID: write_id}})
        except ClientError as error:
            return error
        return None

    def _look(self, key: str) -> str | None:
        """The id of the write that made the object ("" where it has none); None when nothing is there."""
        with self._own_errors("read", key, "HeadObject"):
            answer = self._missing_is_none(lambda: self.client.head_object(Bucket=self.bucket, Key=self._key(key)))
        return None if answer is None else str(answer["Metadata"].get(WRITE_ID, ""))

    def _send(self, key: str, body: bytes, headers: Headers, extra: Answer) -> None:
        encoding = {"ContentEncoding": headers.content_encoding} if headers.content_encoding else {}
        self.client.put_object(
            Bucket=self.bucket,
            Key=self._key(key),
            Body=body,
            ContentType=headers.content_type,
            CacheControl=headers.cache_control,
            **encoding,
            **extra,
        )

    @staticmethod
    def _missing_is_none(read: Callable[[], Result]) -> Result | None:
        try:
            return read()
        except ClientError as error:
            if _status(error) == 404 and _code(error) != "NoSuchBucket":
                return None
            raise

    @contextmanager
    def _own_errors(self, action: str, key: str, operation: str, leave: tuple[int, ...] = ()) -> Iterator[None]:
        """Foreign errors become StoreError, chained, but for answers with a status in `leave`."""
        what = f"cannot {action} {key} in {self.url}" if key else f"cannot {action} {self.url}"
        try:
            yield
        except ClientError as error:
            if _status(error) in leave and _code(error) != "NoSuchBucket":
                raise
            raise StoreError(f"{what}: {_said(error)}", hint=self._hint(error, operation)) from error
        except (FileNotFoundError, PermissionError) as error:
            said = f"no credentials: {error.filename}: {error.strerror}"
            raise StoreError(f"{what}: {said}", hint=MOUNT_IDENTITY) from error
        except (BotoCoreError, ValueError) as error:
            names = [base.__name__ for base in type(error).__mro__]
            hint = hint_for_exception(names, bucket=self.bucket, endpoint=self._endpoint())
            raise StoreError(f"{what}: {error}", hint=hint) from error

    def _hint(self, error: ClientError, operation: str) -> str:
        if error.operation_name.startswith("AssumeRole"):
            return NO_ROLE
        attempts, partition = _retries(error) + 1, self.client.meta.partition
        return hint_for_code(
            _code(error),
            operation,
            bucket=self.bucket,
            prefix=self.prefix,
            attempts=attempts,
            partition=partition,
            said=str(error.response.get("Error", {}).get("Message", "")),
        )

    def _endpoint(self) -> str:
        return str(self.client.meta.endpoint_url) if hasattr(self, "client") else "the endpoint"


def _connect(environment: Mapping[str, str] | None) -> Any:
    """The S3 client; keys go into the path, not the host name, where an endpoint of one's own is set."""
    session = botocore.session.get_session(AWS_SESSION)
    explicit = {} if environment is None else _explicit(environment)
    client = session.create_client("s3", config=_config(), **explicit)
    host = urlsplit(client.meta.endpoint_url).hostname or ""
    if ".amazonaws." in host or (client.meta.config.s3 or {}).get("addressing_style"):
        return client
    return session.create_client("s3", config=_config(s3={"addressing_style": "path"}), **explicit)


def _config(**more: Any) -> Config:
    return Config(
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=READ_TIMEOUT_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        user_agent_extra=f"nodetally/{__version__}",
        **more,
    )


def _explicit(environment: Mapping[str, str]) -> dict[str, str | None]:
    """The client's settings from these variables, in place of the process's own."""
    get = environment.get
    return {
        "aws_access_key_id": get("AWS_ACCESS_KEY_ID"),
        "aws_secret_access_key": get("AWS_SECRET_ACCESS_KEY"),
        "aws_session_token": get("AWS_SESSION_TOKEN"),
        "region_name": get("AWS_REGION") or get("AWS_DEFAULT_REGION"),
        "endpoint_url": get("AWS_ENDPOINT_URL_S3") or get("AWS_ENDPOINT_URL"),
    }


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _retries(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0))


def _said(error: ClientError) -> str:
    """Status, code and message as S3 gave them, with the request's id for whoever runs the server."""
    message = str(error.response.get("Error", {}).get("Message", ""))
    request_id = error.response.get("ResponseMetadata", {}).get("RequestId")
    said = " ".join(str(part) for part in (_status(error) or "", _code(error), message) if part)
    return f"{said} (request {request_id})" if request_id else said
