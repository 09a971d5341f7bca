"""The setup of an appliance as a YAML text: connections with all that was set for them, and webhooks.

A text names a connection by its name, and holds no secret: `password: {from: "env:NAME"}` or `{from: "file:PATH"}` says
where it is to be taken from. What a text does not name stays as it is; a section that it names is made exactly so.
"""
