"""One object: its document and its bytes, in protobuf and JSON, at the speed of joining bytes."""
