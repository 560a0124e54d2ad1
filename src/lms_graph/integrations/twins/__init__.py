"""Outside parties as they behave on the wire, for development and tests: HTTP servers with a state of their own. Only the address differs from the real ones'."""
