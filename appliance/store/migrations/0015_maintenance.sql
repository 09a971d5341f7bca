-- Since when the appliance is in maintenance, who said so and why; no row: it works.
CREATE TABLE maintenance (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    since INTEGER NOT NULL,
    who TEXT NOT NULL,
    why TEXT NOT NULL
);
