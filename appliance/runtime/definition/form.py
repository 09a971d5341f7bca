"""The connect form."""

from typing import Annotated, Literal

from msgspec import Meta

from appliance.runtime.definition.node import Node


class FormField(Node, frozen=True, kw_only=True):
    """A field of the connect form, used by page, API and command line alike."""

    name: Annotated[
        str, Meta(pattern=r"^[a-z][a-z0-9_]*$", description="Name of the field, as in `--field name=value`.")
    ]
    label: Annotated[str, Meta(description="What the form shows.")]
    type: Annotated[
        Literal["text", "url", "password", "choice", "integer", "boolean", "document"],
        Meta(description="Kind of value. `password` is always secret, `document` is a longer YAML text."),
    ] = "text"
    secret: Annotated[bool, Meta(description="Sealed in the vault, never shown again.")] = False
    required: Annotated[bool, Meta(description="May not be left empty.")] = True
    default: Annotated[str | int | bool | None, Meta(description="Used when the field is left empty.")] = None
    choices: Annotated[dict[str, str], Meta(description="For `choice`: value to label.")] = {}
    example: Annotated[str, Meta(description="Shown as a hint.")] = ""
    help: Annotated[str, Meta(description="Where to find the value, what rights it needs.")] = ""
    when: Annotated[
        dict[str, str],
        Meta(
            description="Asked for only when these other fields have these values, such as a method of sign-in."
        ),
    ] = {}
    max_length: Annotated[int, Meta(ge=1, description="Longest value in characters.")] = 2000

    @property
    def sealed(self) -> bool:
        return self.secret or self.type == "password"
