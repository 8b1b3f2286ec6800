"""The base of every record that is written to or read from a result file."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """An immutable record without surplus fields, NaN or infinity: what JSON can carry exactly."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)
