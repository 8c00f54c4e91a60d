"""The settings of the tuning methods, one class each: which weights of a model train, and with what."""

from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field


class SettingsPart(BaseModel):
    """A section of the settings, immutable."""

    # Validators are built when they are needed: commands that only list runs need none.
    model_config = ConfigDict(
        frozen=True, extra="forbid", protected_namespaces=(), allow_inf_nan=False, defer_build=True
    )


class MethodSettings(SettingsPart):
    """What all methods have; the texts are for the card of a run."""

    result: ClassVar[str]
    """What the run leaves behind."""
    peft: ClassVar[bool] = True
    """Whether that is a folder of peft; else it is a file of weights."""
    whole: ClassVar[bool] = False
    """Whether weights of the base model train themselves."""

    @property
    def virtual_tokens(self) -> int:
        """The positions of the context that the method takes from the prompt."""
        return 0


def allowed(words: str) -> dict[str, Any]:
    """What a setting may be, in words, where its type does not say it."""
    return {"allowed": words}


MODULES = r"^[\w.-]+(,[\w.-]+)*$"
Targets = Annotated[
    str,
    Field(
        pattern=MODULES,
        description="The modules that get an adapter.",
        json_schema_extra=allowed("all-linear, or names of modules, by commas"),
    ),
]
Dropout = Annotated[
    float, Field(ge=0, lt=1, description="Share of the adapter's inputs that is left out at random.")
]
Tokens = Annotated[int, Field(ge=1, description="Virtual tokens, which take room of the context.")]


class _LowRank(MethodSettings):
    """Low-rank adapters beside frozen weights."""

    rank: Annotated[
        int, Field(ge=1, description="Width of the adapter: more learns more, and is larger.")
    ] = 16
    alpha: Annotated[int, Field(ge=1, description="Weight of the adapter, as alpha / rank.")] = 32
    dropout: Dropout = 0.05
    targets: Targets = "all-linear"


class LoraSettings(_LowRank):
    """Low-rank adapters (Hu et al. 2022)."""

    result: ClassVar[str] = "A LoRA adapter"

    method: Annotated[Literal["lora"], Field(description="Which weights are trained.")] = "lora"


class RsloraSettings(_LowRank):
    """LoRA whose adapters weigh alpha / sqrt(rank), so that a large rank learns (Kalajdzievski 2023)."""

    result: ClassVar[str] = "A rank-stabilised LoRA adapter"

    method: Literal["rslora"] = "rslora"
    alpha: Annotated[int, Field(ge=1, description="Weight of the adapter, as alpha / √rank.")] = 8


class DoraSettings(_LowRank):
    """LoRA of the direction of each weight column, with its length trained apart (Liu et al. 2024)."""

    result: ClassVar[str] = "A DoRA adapter"

    method: Literal["dora"] = "dora"


class VeraSettings(MethodSettings):
    """Vectors that scale random matrices, which all layers share (Kopiczko et al. 2024)."""

    result: ClassVar[str] = "A VeRA adapter"

    method: Literal["vera"] = "vera"
    rank: Annotated[int, Field(ge=1, description="Width of the random matrices.")] = 256
    dropout: Dropout = 0.05
    targets: Targets = "all-linear"


class Ia3Settings(MethodSettings):
    """Vectors that scale keys, values and the inner activations (Liu et al. 2022)."""

    result: ClassVar[str] = "An (IA)³ adapter"

    method: Literal["ia3"] = "ia3"
    targets: Annotated[
        str,
        Field(
            pattern=MODULES,
            description="The modules that are scaled.",
            json_schema_extra=allowed("auto, or names of modules, by commas"),
        ),
    ] = "auto"


class OftSettings(MethodSettings):
    """Orthogonal blocks that turn the inputs of each layer (Qiu et al. 2023)."""

    result: ClassVar[str] = "An OFT adapter"

    method: Literal["oft"] = "oft"
    block_size: Annotated[
        int, Field(ge=2, description="Width of a block; it divides the width of each adapted layer.")
    ] = 32
    dropout: Dropout = 0.0
    targets: Targets = "all-linear"


class PromptTuningSettings(MethodSettings):
    """Trained embeddings before every prompt (Lester et al. 2021)."""

    result: ClassVar[str] = "A trained prompt"

    method: Literal["prompt_tuning"] = "prompt_tuning"
    tokens: Tokens = 20

    @property
    def virtual_tokens(self) -> int:
        return self.tokens


class PTuningSettings(MethodSettings):
    """Embeddings before every prompt, which a small network makes while they train (Liu et al. 2021)."""

    result: ClassVar[str] = "A trained prompt"

    method: Literal["p_tuning"] = "p_tuning"
    tokens: Tokens = 20
    width: Annotated[int, Field(ge=1, description="Width of the network that makes them.")] = 128

    @property
    def virtual_tokens(self) -> int:
        return self.tokens


class PrefixTuningSettings(MethodSettings):
    """Trained keys and values before every prompt, in each layer (Li and Liang 2021)."""

    result: ClassVar[str] = "A trained prefix"

    method: Literal["prefix_tuning"] = "prefix_tuning"
    tokens: Tokens = 20

    @property
    def virtual_tokens(self) -> int:
        return self.tokens


class FullSettings(MethodSettings):
    """All weights of the base model."""

    result: ClassVar[str] = "A set of tuned weights, all those of its base model,"
    peft: ClassVar[bool] = False
    whole: ClassVar[bool] = True

    method: Literal["full"] = "full"


class LastLayersSettings(MethodSettings):
    """The weights of the top transformer blocks and of what follows them but the output embeddings."""

    result: ClassVar[str] = "A set of tuned weights, those of its base model's last layers,"
    peft: ClassVar[bool] = False
    whole: ClassVar[bool] = True

    method: Literal["last_layers"] = "last_layers"
    layers: Annotated[int, Field(ge=1, description="Transformer blocks, counted from the top.")] = 2


class HeadSettings(MethodSettings):
    """The head of a classifier alone."""

    result: ClassVar[str] = "A set of tuned weights, those of the classifier's head,"
    peft: ClassVar[bool] = False
    whole: ClassVar[bool] = True

    method: Literal["head"] = "head"


class NoneSettings(MethodSettings):
    """Nothing: the base model answers as it is, with the examples of its template."""

    result: ClassVar[str] = "The untuned base model"
    peft: ClassVar[bool] = False

    method: Literal["none"] = "none"


TuningSettings = (
    LoraSettings
    | RsloraSettings
    | DoraSettings
    | VeraSettings
    | Ia3Settings
    | OftSettings
    | PromptTuningSettings
    | PTuningSettings
    | PrefixTuningSettings
    | LastLayersSettings
    | HeadSettings
    | FullSettings
    | NoneSettings
)
METHODS = {str(part.model_fields["method"].default): part for part in get_args(TuningSettings)}
"""The settings of each method, by its name; the first one is the default."""
