"""Chapter 02: identities, account ids and agreement."""

from cloister import identity
from cloister.identity import LOW_ORDER, P

from cloister_conformance.hand_made import material
from cloister_conformance.vector_files.cases import Group, Json
from cloister_conformance.vector_files.identity.bad_keys import (
    bad_private_keys,
    bad_public_keys,
    describe_u,
    encode_public,
    is_on_curve,
    non_canonical,
)

RFC_7748 = {"name": "RFC 7748", "version": "January 2016"}
SIGNAL_JAVA = {"name": "Signal's Java library, Curve25519Test", "version": "2.8.1"}


# Identities and account ids


def derivations() -> Group:
    """Seeds and what is derived of them."""
    group = Group("Derivation", "identity.derive")
    zero = "055bf55c73b82ebe22be80f3430667af570fae2556a6415e6b30d4065300aa947d"
    private = "5046adc1dba838867b2bbbfdd0c3423e58b57970b5267a90f57960924a87f156"
    expected: Json = {"private_key": private, "account_id": zero}
    group.valid("seed of zeros", "Ordinary", "ID-2 ID-3", expected=expected, seed=bytes(32))
    group.valid("seed of 0xff", "Ordinary", "ID-2 ID-3", seed=b"\xff" * 32)
    group.valid(
        "seed of 16 bytes and 16 zeros",
        "Ordinary",
        "ID-2 ID-3",
        seed=material.derive_bytes("short seed", 16) + bytes(16),
    )
    for index in range(40):
        group.valid(f"seed {index}", "Ordinary", "ID-2 ID-3", seed=material.derive_bytes(f"seed {index}"))
    return group


def account_ids() -> Group:
    """Account ids that are read, and that are refused."""
    group = Group("AccountId", "identity.decode_account_id")
    for index in range(20):
        public = material.derive_key_pair(f"account {index}").public.hex()
        group.valid(f"account {index}", "Ordinary", "ID-3", expected={"public_key": public}, text=public)

    good = material.derive_key_pair("account 0").public.hex()
    for length in (0, 1, 2, 4, 62, 63, 64, 65):
        group.invalid(f"{length} digits", "InvalidEncoding", "AccountIdForm", "ID-4", text=good[:length])
    group.invalid("without the type byte", "InvalidEncoding", "AccountIdForm", "ID-4", text=good[2:])
    for length in (67, 68, 132):
        group.invalid(f"{length} digits", "InvalidEncoding", "AccountIdForm", "ID-4", text=(good * 2)[:length])
    group.invalid("upper case", "InvalidEncoding", "AccountIdForm", "ID-4", text=good.upper())
    for name, text in (("line feed", good + "\n"), ("blank", good + " "), ("NUL", good + "\0")):
        group.invalid(f"{name} after", "InvalidEncoding", "AccountIdForm", "ID-4", text=text)
    group.invalid("blank before", "InvalidEncoding", "AccountIdForm", "ID-4", text=" " + good)
    group.invalid("0x before", "InvalidEncoding", "AccountIdForm", "ID-4", text="0x" + good)
    group.invalid(
        "in base64", "InvalidEncoding", "AccountIdForm", "ID-4", text="BVv1XHO4Lr4ivoDzQwZnr1cPrlVqZBXmsw1AZTAKqUfQ"
    )

    for first in ("00", "01", "03", "04", "06", "15", "25", "50", "85", "ff"):
        group.invalid(f"type byte {first}", "InvalidKey", "KeyType", "ID-5", text=first + good[2:])
    for u in sorted(LOW_ORDER):
        group.invalid(f"low order, u = {describe_u(u)}", "InvalidKey", "LowOrder", "ID-7", text=encode_public(u).hex())
    for u in non_canonical():
        group.invalid(f"u = {describe_u(u)}", "InvalidKey", "NonCanonicalKey", "ID-6", text=encode_public(u).hex())
    return group


# Agreement


def published_agreements() -> Group:
    """The values of RFC 7748, their private keys clamped."""
    group = Group("Agreement", "identity.agree", source=RFC_7748)
    for comment, private, u, secret in (
        (
            "section 5.2, first",
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
        ),
        (
            "section 5.2, second, u without its highest bit",
            "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
            "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a413",
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
        ),
        (
            "section 5.2, one iteration",
            "0900000000000000000000000000000000000000000000000000000000000000",
            "0900000000000000000000000000000000000000000000000000000000000000",
            "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079",
        ),
        (
            "section 6.1, Alice",
            "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
            "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
            "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
        ),
        (
            "section 6.1, Bob",
            "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
            "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
            "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
        ),
    ):
        key = identity.clamp(bytes.fromhex(private))
        public = b"\x05" + bytes.fromhex(u)
        group.valid(
            comment, "Published", "ID-9", expected={"shared_secret": secret}, private_key=key, public_key=public
        )
    high = b"\x05" + bytes.fromhex("e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493")
    key = identity.clamp(bytes.fromhex("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d"))
    comment = "section 5.2, second, u as printed: RFC 7748 masks its highest bit, this specification refuses it"
    group.invalid(comment, "InvalidKey", "NonCanonicalKey", "ID-6", private_key=key, public_key=high)
    return group


def deployed_agreements() -> Group:
    """The values of a deployed library's own test."""
    group = Group("Agreement", "identity.agree", source=SIGNAL_JAVA)
    expected: Json = {"shared_secret": "325f239328941ced6e673b86ba41017448e99b649a9c3806c1dd7ca4c477e629"}
    for name, private, public in (
        (
            "Alice",
            "c806439dc9d2c476ffed8f2580c0888d58ab406bf7ae3698879021b96bb4bf59",
            "05653614993d2b15ee9e5fd3d86ce719ef4ec1daae1886a87b3f5fa9565a27a22f",
        ),
        (
            "Bob",
            "b03b34c33a1c44f225b662d2bf4859b8135411fa7b0386d45fb75dc5b91b4466",
            "051bb75966f2e93a3691dfff942bb2a466a1c08b8d78ca3f4d6df8b8bfa2e4ee28",
        ),
    ):
        keys: Json = {"private_key": bytes.fromhex(private), "public_key": bytes.fromhex(public)}
        group.valid(f"testAgreement, {name}", "Published", "ID-9", expected=expected, **keys)
    return group


def agreements() -> Group:
    """Ordinary agreements, from both sides, and agreements of keys at the edges."""
    group = Group("Agreement", "identity.agree")
    for index in range(20):
        one, other = (material.derive_key_pair(f"agreement {index} {side}") for side in ("one", "other"))
        group.valid(f"pair {index}, one side", "Ordinary", "ID-9", private_key=one.private, public_key=other.public)
        group.valid(f"pair {index}, other side", "Ordinary", "ID-9", private_key=other.private, public_key=one.public)

    key = material.derive_key_pair("agreement edge").private
    values = [
        *range(2, 21),
        *(P - small for small in range(2, 21)),
        *(1 << bit for bit in range(8, 255, 13)),
        (1 << 255) - 20,
    ]
    for u in values:
        if u in LOW_ORDER:
            continue
        curve, flag = ("curve", "EdgeKey") if is_on_curve(u) else ("twist", "Twist")
        group.valid(f"u = {describe_u(u)}, on the {curve}", flag, "ID-9", private_key=key, public_key=encode_public(u))

    public = material.derive_key_pair("agreement edge, other").public
    smallest, greatest = bytes(31) + b"\x40", b"\xf8" + b"\xff" * 30 + b"\x7f"
    for name, private in (("smallest", smallest), ("greatest", greatest)):
        group.valid(f"{name} private key", "EdgeKey", "ID-8 ID-9", private_key=private, public_key=public)
    for bit in range(3, 254, 10):
        private = (1 << 254 | 1 << bit).to_bytes(32, "little")
        group.valid(f"private key 2^254 + 2^{bit}", "EdgeKey", "ID-8 ID-9", private_key=private, public_key=public)
    return group


def public_keys() -> Group:
    """Public keys that every reader refuses, given to the agreement."""
    group = Group("PublicKey", "identity.agree")
    key = material.derive_key_pair("public keys").private
    good = material.derive_key_pair("public keys, good").public
    group.valid("a good key", "Ordinary", "ID-5", private_key=key, public_key=good)
    flags = {"ID-5": "KeyLength", "ID-6": "NonCanonicalKey", "ID-7": "LowOrder"}
    for comment, clause, public in bad_public_keys(good):
        flag = "KeyType" if comment.startswith("type byte") else flags[clause]
        group.invalid(comment, "InvalidKey", flag, clause, private_key=key, public_key=public)
    return group


def private_keys() -> Group:
    """Private keys that are refused, given to the agreement."""
    group = Group("PrivateKey", "identity.agree")
    public = material.derive_key_pair("private keys, other").public
    for comment, private in bad_private_keys():
        group.invalid(comment, "InvalidKey", "PrivateKeyForm", "ID-8", private_key=private, public_key=public)
    return group
