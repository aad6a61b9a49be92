"""Loads the plugin, so that the suites run with plain pytest and from an editor too."""

from cloister_conformance.plugin import *  # noqa: F403
