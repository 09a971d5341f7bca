"""How a connection does: proofs, issues and their remedies, and the probes that look after it."""
