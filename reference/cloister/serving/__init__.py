"""What every server here has in common, service node or open-group server; a shell.

- `server_file`: what a server is started with, in one file; `clock`: the time that it has.
- `gate`: which requests are let in, by `limits`; `reading`: how much is read of them.
- `protocol`: uvicorn's HTTP, with a time for heads; `process`: from the signal to the last answer.
- `writer`: the one thread that writes to a database.
- `log`: lines that name nobody.
"""
