"""Forms that are read elsewhere, as OpenAPI shows them: definitions, documents, filters, records.

:mod:`cheap.core.documents` and :mod:`cheap.rest.wire.filters` read them, and say what is wrong
with them; here they are only described, as exactly as JSON Schema can.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, TypeAdapter, WithJsonSchema
from pydantic_core import CoreSchema

from cheap.core import CatalogSpecies, PropertyType
from cheap.core.names import MAX_NAME, MAX_TEXT_LABEL

_NO_NUL: Final = r"^[^\u0000]*$"
Name = Annotated[
    str,
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MAX_NAME, "pattern": _NO_NUL}),
]
Label = Annotated[
    str, WithJsonSchema({"type": "string", "maxLength": MAX_TEXT_LABEL, "pattern": _NO_NUL})
]
Key = Annotated[str, WithJsonSchema({"type": "string", "pattern": _NO_NUL})]


class _Shown:
    """Has a value, which is checked elsewhere, described by a form."""

    def __init__(self, form: Any) -> None:
        self._form = form

    def __get_pydantic_json_schema__(
        self, _: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return handler(TypeAdapter(self._form).core_schema)


class Form(BaseModel):
    """The root of all forms; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid")


# --- definitions --------------------------------------------------------------------------------


class PropertyDefForm(Form):
    """A property's definition; ``defaultValue`` stands in the JSON form of its type."""

    name: Name
    type: PropertyType
    defaultValue: Any = None
    isReadable: bool = True
    isWritable: bool = True
    isNullable: bool = True
    isMultivalued: bool = False


class AspectDefForm(Form):
    """An aspect definition; without ``globalId``, its id is made of its name."""

    name: Name
    globalId: UUID = Field(None)  # type: ignore[assignment]
    propertyDefs: list[PropertyDefForm]
    isReadable: bool = True
    isWritable: bool = True
    canAddProperties: bool = False
    canRemoveProperties: bool = False


# --- documents ----------------------------------------------------------------------------------

_SPECIES: Final = [word for each in CatalogSpecies for word in (each.value, each.value.lower())]

Record = Annotated[
    Any,
    WithJsonSchema(
        {
            "type": "object",
            "additionalProperties": True,
            "description": "The set properties of a record, each in its JSON form.",
        }
    ),
]


class _Open(BaseModel):
    """What later versions may add to is passed over."""

    model_config = ConfigDict(extra="allow")


class ListForm(_Open):
    """An entity list or an entity set, which has none twice."""

    type: Literal["EL", "ES"]
    name: Name
    contents: list[UUID]


class DirectoryForm(_Open):
    """An entity directory."""

    type: Literal["ED"]
    name: Name
    contents: dict[Key, UUID]


class NodeForm(Form):
    """A node of a tree, and what is below it."""

    entityId: UUID | None = None
    children: dict[Key, NodeForm] = {}


class TreeForm(_Open):
    """An entity tree; ``contents`` is its root."""

    type: Literal["ET"]
    name: Name
    contents: NodeForm


class MapForm(_Open):
    """An aspect map, which bears its definition's name; ``indexes`` are names of properties."""

    type: Literal["AM"]
    name: Name
    indexes: list[Name] = []
    contents: dict[UUID, Record]


class DocumentForm(_Open):
    """A whole catalog. Definitions and hierarchies stand under the names that they bear."""

    globalId: UUID
    species: Annotated[str, WithJsonSchema({"type": "string", "enum": _SPECIES})]
    version: Label = "1.0.0"
    uri: Label | None = None
    upstream: UUID | None = None
    aspectDefs: dict[Name, AspectDefForm] = {}
    hierarchies: dict[Name, ListForm | DirectoryForm | TreeForm | MapForm] = {}


# --- filters ------------------------------------------------------------------------------------


class CompareForm(Form):
    """A comparison; ``value`` stands in the JSON form of the property's type."""

    property: Name
    op: Literal["==", "<", "<=", ">", ">=", "contains"]
    value: str | bool | int | float | None


class InForm(Form):
    """The property equals one of these."""

    property: Name
    op: Literal["in"]
    value: list[str | bool | int | float | None]


class PrefixForm(Form):
    """The property is a text that begins so."""

    property: Name
    op: Literal["prefix"]
    value: str


class NullForm(Form):
    """The property is null, or unset and without default."""

    property: Name
    op: Literal["null"]


class AndForm(Form):
    """All of these hold."""

    filters: Annotated[list[FilterForm], Field(alias="and")]


class OrForm(Form):
    """One of these holds."""

    filters: Annotated[list[FilterForm], Field(alias="or")]


class NotForm(Form):
    """This does not hold."""

    filter: Annotated[FilterForm, Field(alias="not")]


FilterForm = CompareForm | InForm | PrefixForm | NullForm | AndForm | OrForm | NotForm
for each in (AndForm, OrForm, NotForm):
    each.model_rebuild()

# --- in requests and answers --------------------------------------------------------------------

Definition = Annotated[Any, _Shown(AspectDefForm)]
Document = Annotated[Any, _Shown(DocumentForm)]
FilterShape = Annotated[Any, _Shown(FilterForm)]
