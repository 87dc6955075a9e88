"""One object: its document and its bytes, in protobuf and JSON, and templates for any number of its like."""
