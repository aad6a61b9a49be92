"""A service node of chapters 07 and 08: `python -m cloister.service_node FILE`.

A shell: it has the disk, the clock, the sockets and the randomness. What is right is decided by `cloister.storage`,
`cloister.node_request` and `cloister.onion`.

- `node_file`: what a node is started with.
- `database`: messages and outbox in SQLite.
- `node`: a request's body in, an answer out.
- `replication`, `relay`, `exit`: what goes to other nodes and to servers, by way of `sending`.
- `app`: HTTP; `server`: the process.

What it shares with other servers is in `cloister.serving`.
"""
