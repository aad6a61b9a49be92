"""The client of a network: stores and retrieves through onion requests only.

A shell: it has the sockets, the clock, the randomness and the patience; the rules are those of `network_client`, `paths`,
`mailbox` and `onion`.

- No node is ever connected to but a guard, also when nothing works: then that is the answer.
- `Client.state` outlives a restart: save it (`saved_state`) when it has changed, and give it to the next client.
- A mailbox is the caller's. `Client.retrieve` gives it back with the letters of each page: save both in one transaction, and only
  then hand the letters over. Whoever is killed in between finds both or neither, so no letter is lost or delivered twice.
- A `Messenger` does all that for one account with its sessions, closed groups and rooms.
- A `RoomClient` is one account on one open-group server, which reads all that is written there.
"""

from cloister.network.account_file import News, Refusal, UnusableFile
from cloister.network.client import Client, Received, Stored
from cloister.network.messenger import Messenger
from cloister.network.refusals import Refused
from cloister.network.room_client import Polled, RoomClient

__all__ = [
    "Client",
    "Messenger",
    "News",
    "Polled",
    "Received",
    "Refusal",
    "Refused",
    "RoomClient",
    "Stored",
    "UnusableFile",
]
