"""What sources tell of by themselves: addresses, what was named, and its reading."""
