"""What can be wrong with a mapping before it is in force."""

from appliance.errors import InvalidInput, NotFound


class MappingInvalid(InvalidInput):
    """The expression cannot be compiled; the message names field and reason."""

    code = "MAPPING_INVALID"


class MappingUnknown(NotFound):
    """The connection does not serve the entity, or the mapping has no such version."""

    code = "MAPPING_NOT_FOUND"
