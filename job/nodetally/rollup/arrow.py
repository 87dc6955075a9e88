"""The library for Parquet, as this package uses it. WrongUse where it is not installed: only rollups need it."""

from nodetally.errors import WrongUse

try:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq
except ImportError as error:
    raise WrongUse(
        f"rollups are Parquet, for which pyarrow is missing: {error}", hint="pip install 'nodetally[rollup]'"
    ) from error

__all__ = ["pa", "pc", "pq"]
