"""Chapter 11: links to rooms."""

from cloister_conformance.hand_made import open_group_faults as faults
from cloister_conformance.hand_made.open_groups import OTHER_SERVER_KEY, write_link
from cloister_conformance.vector_files.cases import Group


def decoded() -> Group:
    """Links that are read, or refused."""
    group = Group("Link", "room.decode_link")
    for comment, (text, link) in {**faults.good_links(), **faults.other_spellings()}.items():
        group.valid(comment, "Link", "OG-69", expected=link, text=text)
    for comment, text in faults.bad_links().items():
        flag = "BadPoint" if "low order" in comment or "below p" in comment else "LinkForm"
        group.invalid(comment, "InvalidMessage", flag, "OG-69", text=text)
    return group


def encoded() -> Group:
    """Links that are written."""
    group = Group("WrittenLink", "room.encode_link")
    for comment, (text, link) in faults.good_links().items():
        group.valid(comment, "Link", "OG-69", expected={"text": text}, **link)
    return group


def known() -> Group:
    """Links that a client gets which knows others."""
    group = Group("KnownLink", "room.check_link")
    for comment, (link, strange) in faults.strange_keys().items():
        group.valid(f"{comment}, the known link", "Pinned", "OG-69", expected={}, text=link, known=[link])
        group.valid(f"{comment}, not known yet", "Pinned", "OG-69", expected={}, text=strange, known=[])
        group.invalid(comment, "UntrustedIdentity", "Pinned", "OG-69", text=strange, known=[link])
    elsewhere = write_link(OTHER_SERVER_KEY, place="https://elsewhere.example")
    group.valid("another server", "Pinned", "OG-69", expected={}, text=elsewhere, known=[write_link()])
    return group
