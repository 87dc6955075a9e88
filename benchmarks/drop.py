"""The limit: read the same lists over the same kind of connection and drop the bytes. Takes a kubeconfig of the simulator."""

import http.client
import json
import ssl
import sys
from urllib.parse import urlsplit


def main(kubeconfig: str) -> None:
    with open(kubeconfig) as file:  # noqa: PTH123 -- pathlib would cost the limit 10 ms
        config = json.load(file)
    url = urlsplit(config["clusters"][0]["cluster"]["server"])
    connection: http.client.HTTPConnection
    if url.scheme == "https":
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(url.hostname or "", url.port, context=context)
    else:
        connection = http.client.HTTPConnection(url.hostname or "", url.port)
    view = memoryview(bytearray(1 << 20))
    total = 0
    for path in ("/api/v1/pods", "/api/v1/nodes"):
        connection.request("GET", path, headers={"Accept": "application/vnd.kubernetes.protobuf"})
        response = connection.getresponse()
        while count := response.readinto(view):
            total += count
    print(total)


main(sys.argv[1])
