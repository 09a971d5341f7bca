"""Self-hosted integration appliance: one API before the ERP, EAM and CMMS systems of a plant."""

__version__ = "0.1.0"
