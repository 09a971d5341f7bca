"""Creating and changing records in the source: checked, sent once, read back, remembered."""
