"""Schedules: the rules of connections and entities, and the due times that follow from them."""
