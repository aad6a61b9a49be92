"""How the tables of an open-group server come to be as `tables` says, from nothing or from an earlier version."""
