"""Generated from spec/proto by `tox -e proto`; never edited."""
