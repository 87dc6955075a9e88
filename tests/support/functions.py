"""Lambda's side of a function: AWS' own runtime client in a process, fed by a runtime API of ours."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import time
from typing import Any, NamedTuple

SCHEDULED: dict[str, Any] = {  # as EventBridge sends it
    "version": "0",
    "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": "123456789012",
    "time": "2026-11-23T12:05:00Z",
    "region": "eu-west-1",
    "resources": ["arn:aws:events:eu-west-1:123456789012:rule/nodetally"],
    "detail": {},
}


class Outcome(NamedTuple):
    """What Lambda is told of one call: an answer, or an error."""

    kind: str  # response | error
    body: Any


class Runtime:
    """Lambda's runtime API: hands out events, takes what comes of them."""

    def __init__(self) -> None:
        self.events: queue.Queue[tuple[Any, float]] = queue.Queue()
        self.outcomes: queue.Queue[Outcome] = queue.Queue()
        runtime = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                event, seconds = runtime.events.get()
                body = json.dumps(event).encode()
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", "8476a536")
                self.send_header("Lambda-Runtime-Deadline-Ms", str(int((time() + seconds) * 1000)))
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:1:function:nodetally")
                self.send_header("Content-Type", "application/json")
                self.send_header("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"null")
                runtime.outcomes.put(Outcome(self.path.rpartition("/")[2], body))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server.server_address[1]}"


class Function:
    """The function, deployed: called with events, one after the other, in one process."""

    def __init__(self, runtime: Runtime, output: Path) -> None:
        self._runtime, self._output = runtime, output

    def __call__(self, event: object, seconds: float = 60) -> Outcome:
        self.send(event, seconds)
        return self.outcome()

    def send(self, event: object, seconds: float = 60) -> None:
        """Call it with so much time, and do not wait."""
        self._runtime.events.put((event, seconds))

    def outcome(self) -> Outcome:
        """What the oldest call came to."""
        return self._runtime.outcomes.get(timeout=60)

    def metrics(self) -> list[dict[str, Any]]:
        """The lines that CloudWatch makes metrics of."""
        lines = [line[line.index("{") :] for line in self._output.read_text().splitlines() if '"_aws"' in line]
        return [json.loads(line) for line in lines]

    def said(self) -> str:
        return self._output.read_text()


@contextmanager
def deployed(folder: Path, *python: str, **variables: str) -> Iterator[Function]:
    """In a process of its own, with nothing of our environment; `python`: what else the interpreter is told."""
    runtime, output = Runtime(), folder / "output"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "AWS_LAMBDA_RUNTIME_API": runtime.address,
        "AWS_REGION": "eu-west-1",
        "AWS_LAMBDA_FUNCTION_NAME": "nodetally",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_LOG_GROUP_NAME": "nodetally",
        "AWS_LAMBDA_LOG_STREAM_NAME": "1",
        "NODETALLY_STORE": str(folder / "store"),
        "NODETALLY_SLOT_EVERY": "5m",
        **variables,
    }
    environment = {name: value for name, value in environment.items() if value}
    handler = variables.pop("HANDLER", "nodetally.aws_lambda.handler")
    command = [sys.executable, *python, "-m", "awslambdaric", handler]
    with output.open("wb") as file:
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=subprocess.STDOUT, cwd=folder)
        try:
            yield Function(runtime, output)
        finally:
            process.kill()
            process.wait()
            runtime.server.shutdown()
            runtime.server.server_close()
