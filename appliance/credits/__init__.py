"""Connection credits: what a connection costs, who took what, and how many there are."""
