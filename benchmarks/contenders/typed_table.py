"""The table that one would make by hand with SQLAlchemy: a typed column for each property."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    DateTime,
    Dialect,
    Double,
    Engine,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
    inspect,
)
from sqlalchemy.dialects.mysql import DATETIME
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator, TypeEngine


class Exact(TypeDecorator[Decimal]):
    """Decimals on SQLite, which has none: as text, so that they come back as they were."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


class Instant(TypeDecorator[datetime]):
    """Aware datetimes where the database has only naive ones: in UTC."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[datetime]:
        precise = DATETIME(fsp=6) if dialect.name != "sqlite" else DateTime()
        return dialect.type_descriptor(precise)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """The mapped classes."""

    metadata = MetaData()


class Reading(Base):
    """One record."""

    __tablename__ = "reading"
    __table_args__ = ({"mysql_charset": "utf8mb4", "mariadb_charset": "utf8mb4"},)

    entity_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)
    ratio: Mapped[float] = mapped_column(Double)
    flag: Mapped[bool] = mapped_column(Boolean)
    name: Mapped[str] = mapped_column(String(255))
    text: Mapped[str] = mapped_column(Text)
    amount: Mapped[Decimal] = mapped_column(Numeric(18, 2).with_variant(Exact(), "sqlite"))
    moment: Mapped[datetime] = mapped_column(
        DateTime(timezone=True).with_variant(Instant(), "sqlite", "mysql", "mariadb")
    )
    key: Mapped[UUID]
    tags: Mapped[list[str]] = mapped_column(JSON().with_variant(ARRAY(Text), "postgresql"))
    data: Mapped[bytes] = mapped_column(LargeBinary)


TABLE = cast(Table, Reading.__table__)
COLUMNS = tuple(column.name for column in TABLE.columns)


def make_tables(engine: Engine, *, indexed: bool) -> None:
    """Make the table, and the index on ``number`` if wanted, unless they are there."""
    Base.metadata.create_all(engine)
    if indexed and not inspect(engine).get_indexes("reading"):
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE INDEX reading_number ON reading (number)")
