"""Set-up of the first administrator, sign-in and sign-out."""

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from appliance.admin.access import Access, target_after_sign_in
from appliance.app import Appliance
from appliance.errors import InvalidInput
from appliance.users.accounts import LONGEST_PASSWORD, SHORTEST_PASSWORD
from appliance.users.errors import AccountLocked, SignInRefused

View = str | tuple[str, int] | AnyResponse | tuple[str, int, dict[str, str]]


def add_views(pages: Blueprint, appliance: Appliance, access: Access) -> None:
    @pages.get("/sign-in", endpoint="sign_in")
    def ask() -> View:
        if g.session is not None:
            return redirect(url_for("admin.home"), 303)
        return render_template(
            "sign_in.html",
            name="",
            problem=None,
            target=request.args.get("next", ""),
            signed_out="signed_out" in request.args,
            is_set_up=appliance.accounts.any(),
        )

    @pages.post("/sign-in", endpoint="do_sign_in")
    def sign_in() -> View:
        name = request.form.get("name", "")
        target = request.form.get("next", "")
        headers: dict[str, str] = {}
        try:
            account = appliance.accounts.sign_in(name, request.form.get("password", ""))
        except (SignInRefused, AccountLocked) as refused:
            status = 401
            if isinstance(refused, AccountLocked):
                status, headers = 429, {"Retry-After": str(round(refused.retry_after) + 1)}
            page = render_template(
                "sign_in.html",
                name=name,
                problem=refused.message,
                target=target,
                signed_out=False,
                is_set_up=appliance.accounts.any(),
            )
            return page, status, headers
        return access.enter(account, target_after_sign_in(target))

    @pages.post("/sign-out", endpoint="sign_out")
    def sign_out() -> View:
        return access.leave()

    @pages.get("/setup", endpoint="set_up")
    def ask_for_administrator() -> View:
        token = request.args.get("token", "")
        if appliance.accounts.any():
            return redirect(url_for("admin.sign_in"), 303)
        appliance.bootstrap.check(token)
        return _setup_page(token, "", {})

    @pages.post("/setup", endpoint="do_set_up")
    def set_up() -> View:
        token = request.form.get("token", "")
        name, password = request.form.get("name", ""), request.form.get("password", "")
        try:
            if password != request.form.get("repeated", ""):
                appliance.bootstrap.check(token)
                raise InvalidInput(
                    "The two passwords differ.",
                    details={"fields": {"repeated": "Differs from the password."}},
                )
            account = appliance.bootstrap.set_up(token, name, password)
        except InvalidInput as refused:
            problems = refused.details.get("fields", {})
            where = next(iter(problems), "name")
            return _setup_page(token, name, {where: refused.message}), 400
        # A redirect, so that no later page has the token in its address.
        return access.enter(account, url_for("admin.home"))


def _setup_page(token: str, name: str, problems: dict[str, str]) -> str:
    return render_template(
        "set_up.html",
        token=token,
        name=name,
        problems=problems,
        shortest=SHORTEST_PASSWORD,
        longest=LONGEST_PASSWORD,
    )
