"""What every part of a scenario shares: frozen, strict models, and kinds of number and name."""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Final, NoReturn, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

__all__ = [
    "Count",
    "Country",
    "Factor",
    "FrozenMap",
    "Identifier",
    "Number",
    "Quantity",
    "Share",
    "Strict",
    "Text",
    "plain",
]

#: Keys written even where they hold their default, because they say which class a mapping is.
ALWAYS_WRITTEN: Final = frozenset({"kind", "instrument"})


class Strict(BaseModel):
    """A frozen, comparable, hashable model that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)


class FrozenMap[K, V](dict[K, V]):
    """A dictionary that cannot be changed and can be hashed and pickled."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def refuse(self, *_: object, **__: object) -> NoReturn:
        """Every change ends here."""
        msg = "a scenario is frozen: make a new one with model_copy(update=...) or another YAML file"
        raise TypeError(msg)

    __setitem__ = refuse
    __delitem__ = refuse
    __ior__ = refuse
    clear = refuse
    pop = refuse
    popitem = refuse
    setdefault = refuse
    update = refuse

    def __reduce__(self) -> tuple[type[Self], tuple[dict[K, V]]]:
        return type(self), (dict(self),)

    def __iter__(self) -> Iterator[K]:
        return super().__iter__()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        arguments = getattr(source, "__args__", None) or (Any, Any)
        inner = handler(dict[arguments[0], arguments[1]])  # type: ignore[valid-type]
        return core_schema.no_info_after_validator_function(cls, inner)


class Text(Strict):
    """A sentence in both languages of the users.

    Parameters
    ----------
    en, es : str
        English and Spanish.
    """

    en: str = ""
    es: str = ""

    def __str__(self) -> str:
        return self.en or self.es

    def in_language(self, lang: str) -> str:
        """The sentence in `lang`, or in the other language where it is not written."""
        return (self.es or self.en) if lang == "es" else (self.en or self.es)


def both_languages(value: object) -> object:
    """A plain string says the same in both languages."""
    return {"en": value, "es": value} if isinstance(value, str) else value


def no_truth(value: object) -> object:
    """`true` is not a number."""
    if isinstance(value, bool):
        msg = "a number is needed, not true or false"
        raise ValueError(msg)  # noqa: TRY004 - pydantic takes only ValueError for a refusal
    return value


def as_tuple(value: object) -> object:
    """One name may stand for a list of one."""
    return (value,) if isinstance(value, str) else value


def no_twice(value: tuple[str, ...]) -> tuple[str, ...]:
    """A list of names holds each name once."""
    twice = sorted({name for name in value if value.count(name) > 1})
    if twice:
        msg = f"named twice: {', '.join(twice)}"
        raise ValueError(msg)
    return value


Sentence = Annotated[Text, BeforeValidator(both_languages)]
Number = Annotated[float, BeforeValidator(no_truth), Field(allow_inf_nan=False)]
Quantity = Annotated[Number, Field(ge=0)]
Factor = Quantity
Share = Annotated[Number, Field(ge=0, le=1)]
Count = Annotated[int, BeforeValidator(no_truth), Field(ge=0)]
Identifier = Annotated[str, Field(min_length=1, max_length=120, pattern=r"^\w[\w.\-]*$")]
Country = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Names = Annotated[tuple[str, ...], BeforeValidator(as_tuple), AfterValidator(no_twice)]


def plain(value: object) -> Any:  # noqa: ANN401 - whatever YAML and JSON hold
    """What a model holds as mappings, lists, text and numbers, without the keys left at their default.

    Parameters
    ----------
    value : object
        A model, or anything found in one.

    Returns
    -------
    object
        Ready for YAML or JSON; dates are ISO text.
    """
    if isinstance(value, Strict):
        fields = type(value).model_fields
        return {
            (field.alias or name): plain(held)
            for name, field in fields.items()
            if not field.exclude
            and (
                (held := getattr(value, name)) != field.get_default(call_default_factory=True)
                or name in ALWAYS_WRITTEN
            )
        }
    if isinstance(value, dict):
        return {str(key): plain(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [plain(held) for held in value]
    return value.isoformat() if isinstance(value, date) else value
