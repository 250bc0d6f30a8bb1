"""How catalogs are kept: one DAO over three databases, and the memory store."""
