"""The guide's names for what clients raise. They are the parents of the errors that DAOs raise.

So ``except CheapRestNotFoundException`` catches a ``CatalogNotFoundError``, and an error that was
raised in the server's DAO is the same class here.
"""

from __future__ import annotations

from cheap.errors import CheapError, InvalidError, NotFoundError, StoreError

CheapRestClientException = CheapError
"""Everything that goes wrong."""
CheapRestNotFoundException = NotFoundError
"""The named thing is not there."""
CheapRestBadRequestException = InvalidError
"""What was asked is wrong in itself."""
CheapRestServerException = StoreError
"""The server, or its database, has trouble; or nobody answers."""
