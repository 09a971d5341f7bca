"""The pages by subject. A view parses, calls one domain function, and renders."""
