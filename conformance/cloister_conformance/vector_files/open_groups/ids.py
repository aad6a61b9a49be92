"""Chapter 11: ids on a server, and the accounts that they lead to."""

from cloister_conformance.hand_made import material
from cloister_conformance.hand_made import open_group_faults as faults
from cloister_conformance.hand_made.open_groups import ALICE, OTHER_SERVER_KEY, SERVER_KEY, Account, make_account
from cloister_conformance.vector_files.cases import Group
from cloister_conformance.vector_files.identity.bad_keys import bad_public_keys

UPSTREAM_KEY = bytes.fromhex("6a32c7b491f4199dd1260a4cc60ae51c6bd71dad939cc521e738409f53f943be")
UPSTREAM_SEEDS = (
    "880adf5164a79bce71f7387fbc2cb2693c0bf0ab4cb42bf1edafddade7527a66",
    "a5ad71709cfa315d147921e377186270367fd06926f4dbfe33f519dec6b016f7",
)
UPSTREAM_IDS = (
    "15cef185d46b60a548641bd8c5baa4b7cf90b7da8e883c0ac774c703d249086479",
    "15758e10dc51210d7a36ea6076e2aa84d9f87283bddb508364272dce0a7618f92a",
)


def scalars(account: Account) -> dict[str, bytes]:
    """The numbers on the way to an id, least significant byte first."""
    numbers = {"k": account.k, "a": account.a, "ka": account.ka}
    return {name: number.to_bytes(32, "little") for name, number in numbers.items()}


def derived() -> Group:
    """Ids of seeds."""
    group = Group("ServerIds", "server_id.derive")
    for place, server_key in (("this server", SERVER_KEY), ("another server", OTHER_SERVER_KEY)):
        for number in range(8):
            account = make_account(f"id {number}", server_key)
            expected = {name: account.name(blinded=name == "blinded") for name in ("blinded", "unblinded")}
            inputs = {"seed": account.seed, "server_key": server_key}
            comment = f"seed {number}, {place}"
            group.valid(comment, "Id", "OG-1", expected=expected, intermediates=scalars(account), **inputs)
    return group


def published() -> Group:
    """The ids in the tests of the deployed server."""
    group = Group(
        "PublishedIds",
        "server_id.derive",
        source={"name": "session-pysogs, tests/test_blinding.py", "version": "9497ddb"},
    )
    for seed, blinded in zip(UPSTREAM_SEEDS, UPSTREAM_IDS, strict=True):
        account = Account(bytes.fromhex(seed), UPSTREAM_KEY)
        inputs = {"seed": account.seed, "server_key": UPSTREAM_KEY}
        group.valid(
            blinded, "Published", "OG-1", expected={"blinded": blinded}, intermediates=scalars(account), **inputs
        )
    return group


def found() -> Group:
    """Ids of all forms, and what is none."""
    group = Group("Account", "server_id.find_account")
    for place, server_key in (("this server", SERVER_KEY), ("another server", OTHER_SERVER_KEY)):
        for number in range(4):
            account = make_account(f"id {number}", server_key)
            names = {"blinded": account.name(blinded=True), "unblinded": account.name(blinded=False)}
            names |= {f"{kind}, the other sign": faults.find_turned(text) for kind, text in names.items()}
            for kind, text in {**names, "the account id": account.account_id}.items():
                expected = {"account_id": account.account_id}
                comment = f"seed {number}, {place}, {kind}"
                group.valid(comment, "Account", "OG-1 OG-2", expected=expected, id=text, server_key=server_key)
    for comment, (text, error) in faults.bad_signing_ids().items():
        flag = "BadPoint" if error == "InvalidKey" else "IdForm"
        group.invalid(comment, error, flag, "OG-2 OG-3", id=text, server_key=SERVER_KEY)
    for comment, _, key in bad_public_keys(bytes.fromhex(ALICE.account_id)):
        if len(key) == 33 and key[0] == 5 and material.derive_number(comment, 4) == 0:
            group.invalid(
                f"an account id, {comment}", "InvalidKey", "BadPoint", "OG-2", id=key.hex(), server_key=SERVER_KEY
            )
    return group
