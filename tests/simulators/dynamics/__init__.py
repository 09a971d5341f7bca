"""What the simulators of Dynamics 365 share: tables served as OData V4, and the token endpoint of Microsoft Entra.

Built from the OData 4.0 URL conventions and JSON format and from Microsoft's published documentation. Strict: an
option, property, navigation or literal that does not exist is 400, next links are opaque and valid once.
"""

from .tables import Refused, Tables
from .tokens import Tokens

__all__ = ["Refused", "Tables", "Tokens"]
