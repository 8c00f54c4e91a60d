"""What a model's config.json may say, read as plain JSON before any library acts on it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from promptrec_tui.text import clean

# Decoders whose classes ship with transformers, that work under sdpa attention and a mask of ours.
CAUSAL_TYPES = frozenset(
    (
        "gemma",
        "gemma3_text",
        "gpt2",
        "gpt_neox",
        "granite",
        "llama",
        "mistral",
        "olmo",
        "olmo2",
        "opt",
        "phi",
        "phi3",
        "qwen2",
        "qwen3",
        "smollm3",
        "stablelm",
        "starcoder2",
    )
)

# Encoders whose classes ship with transformers, with a head for classes.
HEADS: Mapping[str, tuple[str, ...]] = {
    "bert": ("classifier",),
    "deberta-v2": ("pooler", "classifier"),
    "distilbert": ("pre_classifier", "classifier"),
    "electra": ("classifier",),
    "modernbert": ("head", "classifier"),
    "roberta": ("classifier",),
    "xlm-roberta": ("classifier",),
}
"""Of each type of encoder the layers that make classes of its output, which a base model may lack."""
ENCODER_TYPES = frozenset(HEADS)

FAMILIES: Mapping[str, str] = {
    **dict.fromkeys(CAUSAL_TYPES, "causal"),
    **dict.fromkeys(ENCODER_TYPES, "encoder"),
}
"""The family of each model type: what it can be asked."""

# The keys that a model is loaded with. transformers sets every key of a config as an attribute, so an unknown
# one could reach its machinery (CVE-2026-4372: `_attn_implementation_internal`); all others are left out.
KEY_LIST = """
_name_or_path _num_labels _remove_final_layer_norm _sliding_window_pattern activation_dropout
activation_function add_cross_attention alibi architectures attention_bias attention_dropout
attention_multiplier attention_probs_dropout_prob
attn_logit_softcapping attn_pdrop bos_token_id cache_implementation
chunk_size_feed_forward classifier_dropout clip_qkv do_layer_norm_before dropout dtype embd_pdrop
embed_dropout embedding_dropout embedding_multiplier enable_bias eos_token_id ffn_dim
final_logit_softcapping finetuning_task gradient_checkpointing head_dim hidden_act hidden_activation
hidden_dropout hidden_dropout_prob hidden_size
id2label init_std initializer_range intermediate_size is_decoder
is_encoder_decoder is_llama_config label2id layer_norm_elementwise_affine layer_norm_eps
layer_norm_epsilon layer_types layerdrop logits_scaling max_position_embeddings max_window_layers
mlp_bias mlp_type model_type n_ctx n_embd n_head n_inner n_layer n_positions no_rope_layer_interval
no_rope_layers norm_epsilon norm_type num_attention_heads num_hidden_layers num_key_value_heads
original_max_position_embeddings output_attentions output_hidden_states output_past pad_token_id
partial_rotary_factor position_embedding_type
prefix pretraining_tp problem_type qk_layernorm query_pre_attn_scalar
reorder_and_upcast_attn resid_pdrop residual_dropout residual_multiplier return_dict rms_norm_eps
rope_interleaved rope_local_base_freq rope_parameters rope_scaling rope_theta rotary_emb_base rotary_pct
scale_attn_by_inverse_layer_idx scale_attn_weights sliding_window sliding_window_pattern
summary_activation summary_first_dropout summary_proj_to_labels summary_type summary_use_proj
task_specific_params tie_word_embeddings tokenizer_class torch_dtype transformers.js_config
transformers_version type_vocab_size unsloth_fixed unsloth_version
use_bias use_bidirectional_attention use_cache
use_parallel_residual use_qkv_bias use_sliding_window vocab_size word_embed_proj_dim
activation classifier_activation classifier_bias classifier_pooling cls_token_id decoder_bias
deterministic_flash_attn dim embedding_size global_attn_every_n_layers hidden_dim initializer_cutoff_factor
legacy local_attention max_relative_positions mlp_dropout n_heads n_layers norm_bias norm_eps
pooler_dropout pooler_hidden_act pooler_hidden_size pos_att_type position_biased_input position_buckets
qa_dropout relative_attention sep_token_id seq_classif_dropout share_att_key sinusoidal_pos_embds
sparse_pred_ignore_index sparse_prediction summary_last_dropout
"""
KEYS = frozenset(KEY_LIST.split())

ASKING_FOR_CODE = frozenset(
    ("auto_map", "auto_mapping", "trust_remote_code", "custom_generate", "custom_pipelines")
)

# Keys that are not supported and that change what is computed, each with the values that change nothing. A
# test compares the list with what the modelling code of transformers reads.
CHANGING: Mapping[str, tuple[Any, ...]] = {
    "attention_chunk_size": (None,),
    "decoder": (None, {}),
    "encoder": (None, {}),
    "fusion_config": (None, {}),
    "generator": (None, {}),
    "is_causal": (None, True),
    "kv_sharing_modes": (None, [], {}),
    "logits_mup_width_multiplier": (None, 1, 1.0),
    "number_of_conv_states": (None, 0),
    "per_layer_config": (None, {}, []),
    "pruned_heads": (None, {}),
    "text_config": (None, {}),
    "text_encoder": (None, {}),
    "unpadded_vocab_size": (None,),
    "vision_config": (None, {}),
}

# Keys that choose an implementation: a word such as "sdpa" is left out, the name of a hub repository is code.
IMPLEMENTATION = re.compile(r"attn_implementation|experts_implementation|kernel")

# More than any model has; what is above it is no size but a mistake or an attack on the memory.
SIZE_LIMIT = 10**9

# Where a config leaves the window out, these types still have one.
DEFAULT_WINDOWS = {"mistral": 4096, "gemma3_text": 4096}
# These slide by the window alone, whatever layer_types says.
WINDOW_ALONE = frozenset({"mistral", "phi3", "starcoder2"})
# Under these a token's position depends on the length of the whole text, so nothing computed for a prompt
# can be reused for what follows it.
MOVING_POSITIONS = frozenset({"longrope", "su", "dynamic"})
# These use theirs only when told to.
ASKED_WINDOWS = frozenset({"qwen2", "qwen3", "smollm3"})


def config_problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Why a model of this config cannot be used safely: one sentence for each reason."""
    yield from code_problems(config, "config.json")
    kind = model_type(config)
    if kind not in FAMILIES:
        named = f'the model type "{clean(kind)}"' if kind else "no model type"
        yield f"config.json names {named}; known are {', '.join(sorted(FAMILIES))}."
    if kind in ENCODER_TYPES and config.get("position_embedding_type", "absolute") != "absolute":
        yield "Its positions (position_embedding_type) are relative; only absolute ones are supported."
    if kind in ENCODER_TYPES and config.get("is_decoder"):
        yield "config.json makes a decoder of an encoder (is_decoder), which is not supported."
    if config.get("quantization_config"):
        yield "The weights are quantised (quantization_config in config.json); take the unquantised model."
    ropes = [config.get(name) for name in ("rope_parameters", "rope_scaling")]
    kinds = {str(rope.get("rope_type", rope.get("type"))) for rope in ropes if isinstance(rope, dict)}
    if moving := sorted(kinds & MOVING_POSITIONS):
        yield f"Its positions ({moving[0]}) change with the length of a text; take a model with fixed ones."
    for key in sorted(set(config) & CHANGING.keys()):
        if config[key] not in CHANGING[key]:
            yield f"config.json sets {key}, which changes what the model computes and is not supported."
    for name, value in (("vocab_size", config.get("vocab_size")), ("context length", context(config))):
        if not is_size(value):
            yield f"config.json gives no usable {name}; it has to be a whole number from 1 to {SIZE_LIMIT:,}."


def known_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a config that a model is loaded with."""
    return {key: value for key, value in config.items() if key in KEYS}


def left_out(config: Mapping[str, Any]) -> list[str]:
    """The keys of a config that are not used when the model is loaded, by name."""
    return sorted(config.keys() - KEYS - CHANGING.keys() - ASKING_FOR_CODE - {"quantization_config"})


def code_problems(value: Any, file: str) -> Iterator[str]:
    """A sentence for each key, however deep in the JSON `value` of `file`, that asks for foreign code."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key in ASKING_FOR_CODE:
                if inner:
                    yield f"{file} asks to run code of the model's own ({key}); only models without are used."
            elif IMPLEMENTATION.search(str(key)) and _names_repository(inner):
                name = clean(str(key))
                yield f"{file} asks to run code of a repository ({name}); only models without are used."
            else:
                yield from code_problems(inner, file)
    elif isinstance(value, list):
        for inner in value:
            yield from code_problems(inner, file)


def _names_repository(value: Any) -> bool:
    """Whether `value`, or something in it, could be the name of a repository with kernels."""
    if isinstance(value, Mapping):
        return any(map(_names_repository, value.values()))
    if isinstance(value, list):
        return any(map(_names_repository, value))
    return isinstance(value, str) and "/" in value


def model_type(config: Mapping[str, Any]) -> str:
    """The model type that the config names; empty where it names none."""
    kind = config.get("model_type")
    return kind if isinstance(kind, str) else ""


def context(config: Mapping[str, Any]) -> Any:
    """The longest input in tokens, as the config has it; None where it does not say."""
    return config.get("max_position_embeddings", config.get("n_positions", config.get("n_ctx")))


def slides(config: Mapping[str, Any]) -> bool:
    """Whether some layer sees only the latest tokens, in a window shorter than the context."""
    kind = model_type(config)
    window = config.get("sliding_window", DEFAULT_WINDOWS.get(kind))
    layers = config.get("layer_types")
    if isinstance(layers, list) and kind not in WINDOW_ALONE:
        used = any("full" not in str(layer) for layer in layers)
    else:
        used = kind not in ASKED_WINDOWS or bool(config.get("use_sliding_window", False))
    length = context(config)
    return used and is_size(window) and not (is_size(length) and window >= length)


def is_size(value: Any) -> bool:
    """Whether `value` can be the size of something in a model."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= SIZE_LIMIT
