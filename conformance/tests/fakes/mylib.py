"""The library of the guide "Write an adapter": sender keys and nothing else, and no clock. It stands on the reference."""

import os

from cloister import errors, sender_keys

__version__ = "1.0"

BadSignature = errors.InvalidSignature
UnknownKey = errors.UnknownSenderKey
OldMessage = errors.DuplicateMessage
TooNew = errors.TooFarAhead


class Corrupt(Exception):
    """Some rule was broken."""


NAMED = (BadSignature, UnknownKey, OldMessage, TooNew)


class SenderKey:
    """A sender key of its owner."""

    def __init__(self):
        self.key = sender_keys.create_sender_key(os.urandom)

    def distribution(self):
        return sender_keys.encode_distribution(self.key)

    def encrypt(self, plaintext):
        self.key, message = sender_keys.encrypt(self.key, plaintext, os.urandom)
        return message


class Record:
    """What a receiver holds of one sender."""

    def __init__(self):
        self.record = sender_keys.Record()

    def process(self, distribution):
        self.record = attempt(sender_keys.process_distribution, self.record, distribution)

    def decrypt(self, message):
        self.record, plaintext = attempt(sender_keys.decrypt, self.record, message)
        return plaintext


def attempt(function, *arguments):
    try:
        return function(*arguments, now_ms=0)
    except NAMED:
        raise
    except errors.CloisterError as error:
        raise Corrupt(str(error)) from None
