"""Every byte that leaves the machine: trust, proxy, egress policy, call budget, retries.

Nothing here knows a connector, the unified model or the database.
"""
