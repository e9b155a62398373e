"""Define the `interpolate` section, with the parameters of all methods except `dp-gaussian` (section `dp`)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, ValidationInfo, create_model, field_validator
from pydantic.fields import FieldInfo

from synthgen.core.section import Count, Section
from synthgen.dp import gaussian
from synthgen.interpolate.base import Interpolator, NeighbourInterpolator
from synthgen.interpolate.mixture import Mixture, Slerp
from synthgen.interpolate.smote import Adasyn, BorderlineSmote, RandomOversample, Smote
from synthgen.interpolate.vae import Vae

METHODS: Mapping[str, type[Interpolator]] = {
    method.name: method for method in (Smote, BorderlineSmote, Adasyn, RandomOversample, Mixture, Slerp, Vae)
}
# Name of a method -> names of its parameters. `k_neighbors` is left out, because the configuration accepts it with
# every method; methods without neighbours ignore it.
METHOD_KEYS: Mapping[str, frozenset[str]] = {
    name: frozenset(method.model_fields) - {"k_neighbors"} for name, method in METHODS.items()
}
DP_METHOD = gaussian.NAME  # draws vectors from DP query results; its parameters are in the section `dp`
# names of the methods whose vectors are weighted sums of training vectors; only these accept the section `segments`
WEIGHTED = tuple(name for name, method in METHODS.items() if method.weighted_sums)


class _SharedKeys(Section):
    method: Literal[
        "smote", "borderline-smote", "adasyn", "random-oversample", "vae", "mixture", "slerp", "dp-gaussian"
    ] = Field(
        "smote",
        description="Method that makes new vectors. `dp-gaussian` requires a privacy budget; see the section `dp`.",
    )
    k_neighbors: Count = Field(
        NeighbourInterpolator.model_fields["k_neighbors"].default,
        description=NeighbourInterpolator.model_fields["k_neighbors"].description,
    )
    balance: Literal["equal", "as-source"] | Annotated[dict[str, Count], Field(min_length=1)] = Field(
        "equal",
        description="Class sizes of the synthetic table: `equal`, `as-source` for the class shares of the training "
        "records, or a number per label.",
    )
    total: Count | None = Field(
        default=None,
        validate_default=True,
        description="Total number of synthetic records. Required unless `balance` gives a number per label.",
    )

    @field_validator("total")
    @classmethod
    def _fits_balance(cls, total: int | None, info: ValidationInfo) -> int | None:
        balance = info.data.get("balance")  # None if `balance` is invalid, which pydantic reports separately
        if isinstance(balance, dict) and total is not None:
            raise ValueError("must be omitted if `balance` gives a number per label")
        if isinstance(balance, str) and total is None:
            raise ValueError("is required unless `balance` gives a number per label")
        return total


# for `create_model`: name of each parameter in `METHOD_KEYS` -> (type, field) of a key that is null by default
_FIELDS: dict[str, Any] = {}
for _name, _method in METHODS.items():
    for _key, _field in _method.model_fields.items():
        if _key in METHOD_KEYS[_name]:
            _null = FieldInfo.merge_field_infos(_field, default=None, validate_default=True)
            _FIELDS.setdefault(_key, (_field.annotation | None, _null))  # type: ignore[operator]
_MethodKeys: Any = create_model("_MethodKeys", __base__=Section, **_FIELDS)


class InterpolateConfig(_MethodKeys, _SharedKeys):
    """Parameters of vector generation.

    The keys `method`, `balance` and `total` apply to all methods. `k_neighbors` is accepted with every method; vae,
    random-oversample and dp-gaussian ignore it. Each other key belongs to certain methods (`METHOD_KEYS`), and other
    methods reject it. Null selects the default of the method.
    """

    if TYPE_CHECKING:  # fields of `_MethodKeys` that other packages read
        max_exposure: float | None
        noise: float | None

    @field_validator(*_MethodKeys.model_fields)
    @classmethod
    def _check_method_key(cls, value: object, info: ValidationInfo) -> object:
        named, key = info.data.get("method", ""), str(info.field_name)
        method = METHODS.get(named)
        if method is None:
            if named == DP_METHOD and value is not None:
                raise ValueError(f"is not a key of the method {named}; remove it")
            return (
                value  # the method is invalid, which is reported separately, or it is dp-gaussian and `value` is null
            )
        if key in METHOD_KEYS[method.name]:
            defaults = {name: field.default for name, field in method.model_fields.items()}
            others = {name: defaults[name] if v is None else v for name, v in info.data.items() if name in defaults}
            method.check(key, defaults[key] if value is None else value, others)
        elif value is not None:
            users = sorted(name for name, keys in METHOD_KEYS.items() if key in keys)
            raise ValueError(f"is a key of {' and '.join(users)}, not of the method {method.name}; remove it")
        return value

    @property
    def fits_segments(self) -> bool:
        """Whether records can be divided into segments: only if new vectors are weighted sums of train vectors."""
        return self.method in WEIGHTED and (self.method != "mixture" or self.noise in (None, 0))

    @property
    def is_dp(self) -> bool:
        """Whether vectors are drawn from DP query results. If so, the run has a privacy budget."""
        return self.method == DP_METHOD

    def build(self) -> Interpolator:
        """Return the method with its parameters. For dp-gaussian, use `synthgen.dp.measure` instead."""
        method = METHODS[self.method]
        given = {key: value for key in method.model_fields if (value := getattr(self, key)) is not None}
        return method(**given)
