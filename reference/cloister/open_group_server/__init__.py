"""An open-group server of chapter 11: `python -m cloister.open_group_server FILE`.

A shell: it has the disk, the database, the clock, the sockets and the randomness. What is right is decided by
`cloister.open_group` and its neighbours, `cloister.signed_request` and `cloister.server_onion`.

- `server_file`: what a server is started with; `folder`: how one command makes it.
- `tables`: what it keeps; `migrations`: how tables come to be so; `database`: SQLite or PostgreSQL, and its one thread.
- `people`, `rooms`, `messages`, `files`: what is looked up and written, one statement or few for each question.
- `file_store`: the bytes of files on disk.
- `answering`: a request in, however it came, a reply out: the checks; `endpoints`: who does the last of them and the work.
- `asked`: what an endpoint is given; `room_endpoints`, `message_endpoints`, `file_endpoints`, `people_endpoints`: what each does.
- `batches`: requests that hold requests.
- `operation`: what the operator does without a request.
- `app`: HTTP; `server`: the process.

What it shares with other servers is in `cloister.serving`.
"""
