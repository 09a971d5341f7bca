"""Tests of a real Odoo are collected only where there is one."""

from tests.real.odoo import odoo_address

collect_ignore = [] if odoo_address() else ["test_real_odoo.py"]
