"""Chapter 08: replies, opened with a given reply key."""

import base64
import json

from cloister_conformance.hand_made import onion_faults as faults
from cloister_conformance.hand_made.onion_requests import IV_BYTES, seal_answer, wrap_for_node
from cloister_conformance.vector_files.cases import Group

KEY = faults.REPLY_KEY


def opened() -> Group:
    """Replies that are opened."""
    group = Group("Reply", "onion.open_reply_with")
    for comment, (answer, said) in faults.accepted_replies().items():
        clauses = "OR-24 OR-25" if comment.startswith("wrapped") else "OR-24"
        group.valid(comment, "Reply", clauses, expected=said, reply_key=KEY, answer=answer)
    layers = wrap_for_node(b"a payload", label="replied")
    for size in (0, 1, 100, 1000):
        said = {"status": 200, "body": "x" * size}
        answer = seal_answer(layers[-1].key, json.dumps(said).encode(), size)
        shown = {"iv": base64.b64decode(answer)[:IV_BYTES], "plaintext": json.dumps(said).encode()}
        comment = f"a body of {size} characters"
        inputs = {"reply_key": layers[-1].key, "answer": answer}
        group.valid(comment, "Reply", "OR-24", expected=said, intermediates=shown, **inputs)
    for place, layer in enumerate(layers[:-1]):
        comment = f"opened with the key of the layer of hop {place + 1}"
        group.invalid(comment, "DecryptionFailed", "OtherKey", "OR-24", reply_key=layer.key, answer=answer)
    return group


def refused() -> Group:
    """Answers that are refused."""
    group = Group("RefusedReply", "onion.open_reply_with")
    for comment, answer in faults.undecryptable_replies().items():
        flag = "Tampered" if "another key" not in comment else "OtherKey"
        group.invalid(comment, "DecryptionFailed", flag, "OR-24", reply_key=KEY, answer=answer)
    for comment, answer in faults.malformed_replies().items():
        group.invalid(f"decrypts to: {comment}", "InvalidMessage", "ReplyForm", "OR-26", reply_key=KEY, answer=answer)
    return group
