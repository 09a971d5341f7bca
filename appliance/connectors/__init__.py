"""One folder per outside system; nothing is shared but the runtime."""
