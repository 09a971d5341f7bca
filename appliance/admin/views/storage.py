"""Storage: the disk, what is in the database, and what is deleted when."""

from flask import Blueprint, render_template

from appliance.admin.rendering import words
from appliance.app import Appliance


def add_views(pages: Blueprint, appliance: Appliance) -> None:
    @pages.get("/storage", endpoint="storage")
    def show() -> str:
        described = appliance.storage.describe()
        names = {kind["name"]: words(kind["name"]) for kind in described["contents"]}
        return render_template("storage.html", **described, names=names)
