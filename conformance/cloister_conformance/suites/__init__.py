"""The conformance suites, one module for each chapter."""
