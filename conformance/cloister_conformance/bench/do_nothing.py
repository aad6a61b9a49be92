"""An adapter that does nothing, as fast as Python can; with an argument, after so many seconds a line."""

import sys
import time

HELLO = b'{"name": "nothing", "version": "0", "language": "Python", "spec": "0.1", "capabilities": ["xeddsa-verify"]}'


def main() -> None:
    """Answer line by line until the input ends."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 0
    for line in sys.stdin.buffer:
        if seconds:
            time.sleep(seconds)
        start = line.index(b'"id":') + len(b'"id":')
        request_id = line[start : line.index(b",", start)]
        result = HELLO if b'"hello"' in line else b"{}"
        sys.stdout.buffer.write(b'{"jsonrpc": "2.0", "id":%s, "result": %s}\n' % (request_id, result))
        sys.stdout.buffer.flush()


main()
