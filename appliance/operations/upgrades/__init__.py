"""From one release to the next and back, without losing anything: maintenance mode, rehearsal, flip, watch, undo."""
