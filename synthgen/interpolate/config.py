"""The configuration of interpolation: the methods there are, and their parameters as keys of one section."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, ValidationInfo, create_model, field_validator
from pydantic.fields import FieldInfo

from synthgen.core.section import Count, Section
from synthgen.dp import gaussian
from synthgen.interpolate.adasyn import Adasyn
from synthgen.interpolate.base import Interpolator, NeighbourInterpolator
from synthgen.interpolate.borderline_smote import BorderlineSmote
from synthgen.interpolate.mixture import Mixture
from synthgen.interpolate.random_oversample import RandomOversample
from synthgen.interpolate.slerp import Slerp
from synthgen.interpolate.smote import Smote
from synthgen.interpolate.vae import Vae

METHODS: Mapping[str, type[Interpolator]] = {
    method.name: method for method in (Smote, BorderlineSmote, Adasyn, RandomOversample, Mixture, Slerp, Vae)
}
# the keys of `interpolate` that only some methods have; k_neighbors is every method's, also of those that read none
METHOD_KEYS: Mapping[str, frozenset[str]] = {
    name: frozenset(method.model_fields) - {"k_neighbors"} for name, method in METHODS.items()
}
# Draws from noised statistics of the persons, under a budget; it has no keys of its own here, see `dp`.
DP_METHOD = gaussian.NAME
WEIGHTED = tuple(name for name, method in METHODS.items() if method.weighted_sums)


def _as_keys() -> dict[str, Any]:
    """Return the parameters of single methods as fields in their bounds; null takes the method's default."""
    fields: dict[str, Any] = {}
    for name, method in METHODS.items():
        for key, field in method.model_fields.items():
            if key in METHOD_KEYS[name]:
                null = FieldInfo.merge_field_infos(field, default=None, validate_default=True)
                fields.setdefault(key, (field.annotation | None, null))  # type: ignore[operator]
    return fields


class _OfAllMethods(Section):
    """The keys that every method has."""

    method: Literal[
        "smote", "borderline-smote", "adasyn", "random-oversample", "vae", "mixture", "slerp", "dp-gaussian"
    ] = "smote"
    k_neighbors: Count = NeighbourInterpolator.model_fields["k_neighbors"].default
    balance: Literal["equal", "as-source"] | Annotated[dict[str, Count], Field(min_length=1)] = "equal"
    total: Count | None = Field(default=None, validate_default=True)

    @field_validator("total")
    @classmethod
    def _fits_balance(cls, total: int | None, info: ValidationInfo) -> int | None:
        if "balance" not in info.data:  # wrong itself, and told so
            return total
        if isinstance(info.data["balance"], dict) and total is not None:
            raise ValueError("must be left out where balance gives a count per label")
        if not isinstance(info.data["balance"], dict) and total is None:
            raise ValueError("is needed unless balance gives a count per label")
        return total


_OfSingleMethods: Any = create_model("_OfSingleMethods", __base__=Section, **_as_keys())


class InterpolateConfig(_OfSingleMethods, _OfAllMethods):
    """How new vectors are made; the keys after `total` belong to single methods, null takes the method's default."""

    if TYPE_CHECKING:  # fields of single methods that others read
        max_exposure: float | None
        noise: float | None

    @field_validator(*_OfSingleMethods.model_fields)
    @classmethod
    def _belongs(cls, value: object, info: ValidationInfo) -> object:
        named, key = info.data.get("method", ""), str(info.field_name)
        method = METHODS.get(named)
        if method is None:
            if named == DP_METHOD and value is not None:
                raise ValueError(f"belongs to other methods than {named}")
            return value  # of a method that is wrong itself, or takes nothing
        if key in METHOD_KEYS[method.name]:
            defaults = {name: field.default for name, field in method.model_fields.items()}
            others = {name: defaults[name] if v is None else v for name, v in info.data.items() if name in defaults}
            method.check(key, defaults[key] if value is None else value, others)
        elif value is not None:
            users = sorted(name for name, keys in METHOD_KEYS.items() if key in keys)
            raise ValueError(f"belongs to {' and '.join(users)}, not to {method.name}")
        return value

    @property
    def is_private(self) -> bool:
        """Whether vectors are drawn from noised statistics, and made from nobody's."""
        return self.method == DP_METHOD

    def build(self) -> Interpolator:
        """Return the method with its parameters; not for one that asks persons, see `synthgen.dp.measure`."""
        method = METHODS[self.method]
        set_ = {key: value for key in method.model_fields if (value := getattr(self, key)) is not None}
        return method(**set_)
