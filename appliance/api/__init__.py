"""The REST API: parse, authorize, call one domain function, render."""
