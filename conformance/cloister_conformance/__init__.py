"""The conformance harness of cloister."""
