"""What a source sends by itself when something changes: how it is told to be genuine, and what it names."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from appliance.runtime.definition.node import Node
from appliance.runtime.definition.reading import One


class InHeader(Node, frozen=True, kw_only=True):
    """A value in a header of the delivery."""

    header: Annotated[str, Meta(description="Name of the header.")]
    part: Annotated[
        str, Meta(description="Name of the part, where the header holds several such as `t=17,v1=ab`.")
    ] = ""
    prefix: Annotated[str, Meta(description="What stands before the value, such as `sha256=`.")] = ""


class HmacSigned(Node, frozen=True, kw_only=True, tag="hmac", tag_field="scheme"):
    """An HMAC over what `message` says, in a header."""

    signature: Annotated[InHeader, Meta(description="Where the signature stands.")]
    algorithm: Annotated[
        Literal["sha256", "sha1", "sha512"], Meta(description="The hash the HMAC is made with.")
    ] = "sha256"
    encoding: Annotated[Literal["hex", "base64"], Meta(description="How the signature is written.")] = "hex"
    message: Annotated[
        str, Meta(description="What is signed: text with `{body}`, `{timestamp}`, `{token}` and `{id}`.")
    ] = "{body}"
    timestamp: Annotated[
        InHeader | None, Meta(description="Where `{timestamp}` stands: seconds or milliseconds since 1970.")
    ] = None
    token: Annotated[InHeader | None, Meta(description="Where `{token}` stands.")] = None
    id: Annotated[InHeader | None, Meta(description="Where `{id}` stands.")] = None
    tolerance: Annotated[
        int,
        Meta(
            ge=0,
            description="Seconds that the signed timestamp may be away from now; 0: it is not looked at.",
        ),
    ] = 0
    key_field: Annotated[
        str,
        Meta(
            description="Form field with the key, as long as the connection has no signing keys of its own."
        ),
    ] = ""
    key_as: Annotated[
        Literal["text", "sha256hex"],
        Meta(description="The key itself, or the SHA-256 of it in hexadecimal digits."),
    ] = "text"
    keys_from: Annotated[
        Literal["appliance", "source"],
        Meta(description="Who makes the signing key: shown here to enter there, or the other way round."),
    ] = "appliance"
    optional: Annotated[
        bool,
        Meta(
            description="Without a signing key the secret address alone is enough; with one it is demanded."
        ),
    ] = False


class SharedToken(Node, frozen=True, kw_only=True, tag="token", tag_field="scheme"):
    """The signing key itself, sent with every delivery."""

    header: Annotated[str, Meta(description="Header it stands in.")] = ""
    query: Annotated[str, Meta(description="Parameter of the address it stands in.")] = ""
    member: Annotated[str, Meta(description="Path in each member of the body it stands at.")] = ""
    keys_from: Annotated[
        Literal["appliance", "source"],
        Meta(description="Who makes the token: shown here to enter there, or the other way round."),
    ] = "appliance"

    def __post_init__(self) -> None:
        if sum(bool(place) for place in (self.header, self.query, self.member)) != 1:
            raise ValueError("a token stands in one place: `header`, `query` or `member`")


class SecretAddress(Node, frozen=True, kw_only=True, tag="address", tag_field="scheme"):
    """Nothing but the secret address; what is named is read at the source all the same."""


class Handshake(Node, frozen=True, kw_only=True):
    """What a source asks the address before it sends: to be answered a parameter as plain text, with status 200."""

    method: Annotated[Literal["GET", "POST"], Meta(description="Method of the question.")] = "POST"
    echo: Annotated[str, Meta(description="Parameter of the address that is answered.")]


class Extract(Node, frozen=True, kw_only=True):
    """A part of a text."""

    path: Annotated[str, Meta(description="Path of the text in the member.")]
    match: Annotated[str, Meta(description="Regular expression whose one group is the value.")]


class EventName(Node, frozen=True, kw_only=True):
    """Where the name of the event stands; in one of these places."""

    header: Annotated[str, Meta(description="Header it stands in.")] = ""
    query: Annotated[
        str, Meta(description="Parameter of the address, where each event has an address of its own.")
    ] = ""
    path: Annotated[str, Meta(description="Path in the member.")] = ""
    match: Annotated[
        str, Meta(description="Regular expression whose one group is the name; empty: all of it.")
    ] = ""

    def __post_init__(self) -> None:
        if sum(bool(place) for place in (self.header, self.query, self.path)) != 1:
            raise ValueError("an event is named in one place: `header`, `query` or `path`")


class Deleted(Node, frozen=True, kw_only=True):
    """By what a member tells that its record was deleted."""

    path: Annotated[str, Meta(description="Path in the member.")]
    values: Annotated[tuple[str, ...], Meta(min_length=1, description="Values there that say so.")]


class PushEvent(Node, frozen=True, kw_only=True):
    """What an event says of one entity. Of several for the same entity the first whose key is found counts."""

    names: Annotated[tuple[str, ...], Meta(description="Names of the event; empty: any, or none.")] = ()
    entity: Annotated[
        str, Meta(description="Entity of the unified model; empty: the name of the event is one.")
    ] = ""
    key: Annotated[
        tuple[str | Extract, ...],
        Meta(
            description="Paths of the key's parts, in the order of the entity's `key`; a list there gives several."
            " Empty: what has changed of the entity is asked for."
        ),
    ] = ()
    each: Annotated[
        str, Meta(description="Path of a list of records in the member; paths of `key` are then in each.")
    ] = ""
    change: Annotated[
        Literal["changed", "deleted", "unsaid"],
        Meta(
            description="What has become of it. `unsaid`: the event does not tell; it is deleted when the source has"
            " none any more."
        ),
    ] = "changed"
    deleted: Annotated[Deleted | None, Meta(description="By what the member tells of a deletion.")] = None
    one: Annotated[
        One | None,
        Meta(description="How the record is read, where the event names it by something else than its key."),
    ] = None
    quoted: Annotated[
        bool,
        Meta(description="The request for a record quotes the key, so that it may hold any character."),
    ] = False
    wait: Annotated[
        int,
        Meta(
            ge=5,
            le=3600,
            description="Seconds for which events without a key are gathered before it is read.",
        ),
    ] = 30


class Sample(Node, frozen=True, kw_only=True):
    """A delivery as the source sends it, for tests of the connector."""

    body: Annotated[Any, Meta(description="The body as plain data.")]
    headers: Annotated[dict[str, str], Meta(description="Headers beside those of the signature.")] = {}
    query: Annotated[dict[str, str], Meta(description="Parameters of the address.")] = {}
    expect: Annotated[
        tuple[tuple[Any, ...], ...],
        Meta(min_length=1, description="What it names: lists of entity, change and the parts of the key."),
    ]


class Push(Node, frozen=True, kw_only=True):
    """Deliveries of the source to the secret address of a connection. What they name is read at the source."""

    verify: Annotated[
        HmacSigned | SharedToken | SecretAddress,
        Meta(description="How a delivery is told to be genuine, beside the secret address."),
    ] = SecretAddress()
    handshake: Annotated[Handshake | None, Meta(description="What the source asks before it sends.")] = None
    event: Annotated[EventName | None, Meta(description="Where the name of the event stands.")] = None
    members: Annotated[
        str, Meta(description="Path of the list of events in a delivery; empty: the body is one event.")
    ] = ""
    events: Annotated[tuple[PushEvent, ...], Meta(min_length=1, description="What events say of entities.")]
    status: Annotated[
        Literal[200, 202, 204], Meta(description="Status of the answer to a delivery that was taken.")
    ] = 202
    note: Annotated[str, Meta(description="What to enter at the source, in a sentence.")] = ""
    samples: Annotated[tuple[Sample, ...], Meta(description="Deliveries for tests of the connector.")] = ()
