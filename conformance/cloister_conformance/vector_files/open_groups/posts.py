"""Chapter 11: posts by themselves, and their files."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace

from cloister.room_post import MAX_POST_FILES

from cloister_conformance.hand_made import open_group_faults as faults
from cloister_conformance.hand_made.open_groups import (
    NOW,
    OTHER_SERVER_KEY,
    ROOM,
    SERVER_KEY,
    Account,
    Content,
    make_account,
    make_file,
    sign_data,
    write_post,
)
from cloister_conformance.hand_made.protobuf import field
from cloister_conformance.vector_files.cases import Group, Json
from cloister_conformance.vector_files.open_groups.requests import choose, stage

PLACE: Json = {"server_key": SERVER_KEY, "room": ROOM}


def good_contents() -> Iterator[tuple[str, Content]]:
    """Good contents."""
    for text in ("hello", " ", "\0", "déjà vu", "\u202eabc", "日本語", "😀" * 3):
        yield f"text {text!a}", Content(text=text)
    empty = len(Content(text="").encode())
    for size in (157 - empty, 158 - empty, 159 - empty, 318 - empty):
        yield f"a text of {size} characters", Content(text="x" * size)
    for revision in (1, 128, 2**32 - 1):
        yield f"revision {revision}", Content(revision=revision)
    for time in (1_000_000_000_000, 9_999_999_999_999):
        yield f"time {time}", Content(timestamp_ms=time)
    yield "one file", Content(files=(make_file("cat")[0],))
    yield "a file without name, and no text", Content(text="", files=(make_file("cat", name="")[0],))
    yield "16 files", Content(files=tuple(make_file(number)[0] for number in range(MAX_POST_FILES)))


def written(*, blinded: bool) -> Group:
    """Posts that a client writes."""
    group = Group("BlindedPost" if blinded else "UnblindedPost", "room_post.write")
    for comment, content in good_contents():
        account = make_account(comment.encode("ascii", "backslashreplace").decode())
        post = write_post(content, account, blinded=blinded)
        shown = {"content": content.encode(), **stage(account, post.data, blinded=blinded)}
        inputs = {**content.describe(), "seed": account.seed, **choose(blinded=blinded), **PLACE}
        random = {} if blinded else {"random": hashlib.sha512(post.data).digest()}
        del shown["signed"]
        group.valid(comment, "Post", "OG-77", expected=post.describe(), intermediates=shown, **inputs, **random)
    inputs = {"seed": Account(bytes(32)).seed, **choose(blinded=blinded), **PLACE, **Content().describe()}
    long = {**inputs, "files": [make_file(number)[0].describe() for number in range(MAX_POST_FILES + 1)]}
    group.invalid("17 files", "TooLarge", "PostLimit", "OG-77", **long)
    for time in (999_999_999_999, 10_000_000_000_000):
        group.invalid(f"time {time}", "OutOfRange", "PostLimit", "OG-77 NE-20", **{**inputs, "timestamp_ms": time})
    return group


def read() -> Group:
    """Posts that a client reads."""
    group = Group("Post", "room_post.read")
    for number, (comment, content) in enumerate(good_contents()):
        for blinded in (True, False) if number < 8 else (number % 2 == 0,):
            kind = "blinded" if blinded else "unblinded"
            post = write_post(content, blinded=blinded)
            group.valid(
                f"{comment}, {kind}", "Post", "OG-71 OG-72", expected=content.describe(), **post.describe(), **PLACE
            )
    whole = Content()
    for comment, other in {
        "the time in ten bytes": {3: field(3, NOW, size=10)},
        "the revision twice": {4: field(4, 7) + field(4, 0)},
        "the text twice, the first long": {5: field(5, b"x" * 200) + field(5, b"hello")},
        "an unknown field": {5: field(5, b"hello") + field(99, b"?" * 160)},
        "the server key last": {1: b"", 5: field(5, b"hello") + field(1, SERVER_KEY)},
    }.items():
        post = sign_data(replace(whole, other=other).data)
        clauses = "OG-72 NE-8 NE-9 NE-10 NE-13"
        group.valid(comment, "Encoding", clauses, expected=whole.describe(), **post.describe(), **PLACE)
    for comment, error, data in faults.bad_contents():
        flag = "Moved" if comment.startswith("for ") else "ContentForm"
        group.invalid(f"content: {comment}", error, flag, "OG-72", **sign_data(data).describe(), **PLACE)
    for comment, post in faults.forged_posts().items():
        group.invalid(f"forged: {comment}", "InvalidSignature", "Forged", "OG-71", **post.describe(), **PLACE)
    for comment, (author, error) in faults.bad_authors().items():
        post = write_post()._replace(author=author)
        flag = "BadPoint" if error == "InvalidKey" else "IdForm"
        group.invalid(f"author: {comment}", error, flag, "OG-71", **post.describe(), **PLACE)
    unblinded = write_post(blinded=False).describe()
    asked = {
        "in another room": {**PLACE, "room": "coffee"},
        "on another server": {**PLACE, "server_key": OTHER_SERVER_KEY},
    }
    for comment, place in asked.items():
        group.invalid(f"an unblinded post {comment}", "InvalidMessage", "Moved", "OG-72", **unblinded, **place)
    return group


def files() -> Group:
    """Files of posts."""
    group = Group("File", "room_post.check_file")
    for size in (0, 1, 100):
        file, data = make_file(f"of {size}", size)
        group.valid(f"{size} bytes", "File", "OG-76", expected={}, file=file.describe(), data=data)
    for comment, (described, data) in faults.wrong_files().items():
        group.invalid(comment, "InvalidMessage", "File", "OG-76", file=described, data=data)
    return group
