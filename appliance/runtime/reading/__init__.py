"""How rows come: pages, what repeats or moves, children, shapes, single rows."""
