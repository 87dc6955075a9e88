"""What every test begins with."""

import signal

# A job in the background is started with Ctrl-C ignored, and passes that on: tests send one to what they start.
signal.signal(signal.SIGINT, signal.default_int_handler)
