"""Repairs beside cases worked by hand, and beside float64 references that multiply every matrix out."""

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

import repairing
from repairing import DOWN, Further, Weights, adapter_pair, drawn, low_rank, merged, near, only, pair_of, result
from tuneward.checkpoint.delta import LowRank
from tuneward.checkpoint.pair import pair_of as stored_pair
from tuneward.repair import opened
from tuneward.repair.lox import LoX
from tuneward.repair.resta import Resta, kept
from tuneward.repair.safe_lora import SafeLora
from tuneward.repair.safe_merge import SafeMerge
from tuneward.repair.soup import Soup
from tuneward.repair.task_arithmetic import TaskArithmetic
from tuneward.repair.wise_ft import WiseFT
from tuneward.repair.words import words

torch.set_num_threads(1)
EYE = ((1, 0), (0, 1))
Opened = Callable[..., None]
LYING = opened.lying


@pytest.fixture
def opens(monkeypatch: pytest.MonkeyPatch) -> Opened:
    """Checkpoints under the paths that their keywords name."""

    def put(**checkpoints: Weights | Further) -> None:
        found = {k: v if isinstance(v, Further) else Further(v) for k, v in checkpoints.items()}
        repairing.beside(monkeypatch, found)

    return put


def result_on_disk(method: Any, pair: Any) -> Weights:
    """As `result`, with further checkpoints opened from their folders."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opened, "lying", LYING)
        return result(method, pair)


def close(got: Tensor, wanted: Any, *, within: float = 1e-6) -> None:
    torch.testing.assert_close(got.double(), torch.as_tensor(wanted, dtype=torch.float64), rtol=within, atol=within)


# by hand --------------------------------------------------------------------------------------------------------------


def test_wise_ft_by_hand() -> None:
    """[[1,2],[3,4]] + .25·([[3,2],[1,8]] − [[1,2],[3,4]]) = [[1,2],[3,4]] + .25·[[2,0],[−2,4]]."""
    pair = pair_of(tuned=only(DOWN, ((3, 2), (1, 8))), base=only(DOWN, ((1, 2), (3, 4))))
    close(result(WiseFT(0.25), pair)[DOWN], ((1.5, 2), (2.5, 5)), within=0)


def test_soup_by_hand(opens: Opened) -> None:
    """Means of [[3,2],[1,8]] and [[5,0],[1,4]]: equal shares, then ¾ and ¼."""
    pair = pair_of(tuned=only(DOWN, ((3, 2), (1, 8))), base=only(DOWN, EYE))
    opens(other=only(DOWN, ((5, 0), (1, 4))))
    close(result(Soup(of=("other",)), pair)[DOWN], ((4, 1), (1, 6)), within=0)
    close(result(Soup(of=("other",), weights=(0.75, 0.25)), pair)[DOWN], ((3.5, 1.5), (1, 7)), within=0)


def test_safe_lora_with_a_true_projector_by_hand(opens: Opened) -> None:
    """V = diag(3,1) has 9/10 of its energy in the first direction, so P = diag(1,0) at .8.

    ΔW = [[1,0],[2,2]] has norm 3, PΔW = [[1,0],[0,0]] norm 1: cosine 1/3, not above .5, so I + PΔW = diag(2,1).
    At .95 both directions are in, P = I, cosine 1: nothing is touched.
    """
    pair = pair_of(tuned=only(DOWN, ((2, 0), (2, 3))), base=only(DOWN, EYE))
    opens(before=only(DOWN, ((-2, 0), (0, 0))))
    close(result(SafeLora(unaligned="before", energy=0.8), pair)[DOWN], ((2, 0), (0, 1)))
    assert list(SafeLora(unaligned="before", energy=0.95)(pair)) == []
    assert list(SafeLora(unaligned="before", energy=0.8, threshold=0.33)(pair)) == []


def test_safe_lora_as_published_by_hand(opens: Opened) -> None:
    """C = VVᵀ/‖V‖ = diag(9,1)/√10; CΔW = [[9,0],[2,2]]/√10.

    Cosine (9·1 + 2·2 + 2·2)/(3·√(81 + 4 + 4)) = 17/(3·√89) = .6007: kept at .5, replaced at .61.
    """
    pair = pair_of(tuned=only(DOWN, ((2, 0), (2, 3))), base=only(DOWN, EYE))
    opens(before=only(DOWN, ((-2, 0), (0, 0))))
    assert list(SafeLora(unaligned="before", projector="published")(pair)) == []
    root = math.sqrt(10)
    got = result(SafeLora(unaligned="before", projector="published", threshold=0.61), pair)[DOWN]
    close(got, ((1 + 9 / root, 0), (2 / root, 1 + 2 / root)))


def test_safe_merge_by_hand(opens: Opened) -> None:
    """The layer above has cosine 1/3 ≤ .35, so I + .8·[[1,0],[2,2]] + .2·[[0,0],[0,5]]."""
    pair = pair_of(tuned=only(DOWN, ((2, 0), (2, 3))), base=only(DOWN, EYE))
    opens(before=only(DOWN, ((-2, 0), (0, 0))), safe=only(DOWN, ((1, 0), (0, 6))))
    method = SafeMerge(unaligned="before", safe="safe", energy=0.8)
    close(result(method, pair)[DOWN], ((1.8, 0), (1.6, 3.6)))


def test_lox_by_hand() -> None:
    """Aligned − before = diag(3,1); its first direction again, 1.25 times: diag(4,2) + diag(3.75,0)."""
    pair = pair_of(tuned=only(DOWN, ((4, 0), (0, 2))), base=only(DOWN, EYE))
    close(result(LoX(rank=1), pair)[DOWN], ((7.75, 0), (0, 2)))


def test_task_arithmetic_by_hand(opens: Opened) -> None:
    """[[3,2],[1,8]] + .5·(I − diag(−2,0)) = [[3,2],[1,8]] + .5·diag(3,1)."""
    pair = pair_of(tuned=only(DOWN, ((3, 2), (1, 8))), base=only(DOWN, EYE))
    opens(before=only(DOWN, ((-2, 0), (0, 0))))
    close(result(TaskArithmetic(unaligned="before", strength=0.5), pair)[DOWN], ((4.5, 2), (1, 8.5)))


def test_resta_by_hand(opens: Opened) -> None:
    """V = [[8,8],[8,8]], p = .5: what stays doubles, so every entry moves by ½·16 or not at all; drawn apart below."""
    pair = pair_of(tuned=only(DOWN, ((3, 2), (1, 8))), base=only(DOWN, ((9, 9), (9, 9))))
    opens(before=only(DOWN, ((1, 1), (1, 1))))
    got = result(Resta(unaligned="before", strength=0.5, drop=0.5), pair)[DOWN]
    stays = mask(DOWN, 2, 2, seed=0, drop=0.5)
    close(got, torch.tensor(((3, 2), (1, 8))) + 8 * torch.tensor(stays))


# references in float64 ------------------------------------------------------------------------------------------------


def mask(name: str, rows: int, columns: int, *, seed: int, drop: float) -> list[list[bool]]:
    """Which entries stay: SplitMix64's numbers in plain integers, its state from a hash of seed and name."""
    whole = (1 << 64) - 1
    state = int.from_bytes(hashlib.sha256(f"{seed} {name}".encode()).digest()[:8], "little")
    found = []
    for _ in range(rows * columns):
        state = (state + 0x9E3779B97F4A7C15) & whole
        mixed = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & whole
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & whole
        found.append(((mixed ^ (mixed >> 31)) >> 11) * 2.0**-53 >= drop)
    return [found[row * columns : (row + 1) * columns] for row in range(rows)]


Found = dict[str, tuple[float, Tensor]]
"""Name → cosine of ΔW and its image, and the image."""


def matrices(weights: Weights) -> list[str]:
    return [name for name, weight in weights.items() if "layers" in name and weight.dim() == 2]


def projector(v: Tensor, kind: str, energy: float) -> Tensor:
    """C, or P with as few directions as hold the share of the energy; multiplied out."""
    if kind == "published":
        return v @ v.T / v.square().sum().sqrt()
    u, sizes, _ = torch.linalg.svd(v)
    held = sizes.square().cumsum(0) / sizes.square().sum()
    count = int((held < energy).sum()) + 1
    return u[:, :count] @ u[:, :count].T


def cosine(one: Tensor, two: Tensor) -> float:
    return float((one * two).sum() / (one.square().sum().sqrt() * two.square().sum().sqrt()))


def cosines(tuned: Weights, base: Weights, before: Weights, kind: str, energy: float = 0.9) -> Found:
    found = {}
    for name in matrices(tuned):
        delta, v = (tuned[name].double() - base[name].double()), (base[name].double() - before[name].double())
        moved = projector(v, kind, energy) @ delta
        found[name] = cosine(delta, moved), moved
    return found


def safe_lora(
    tuned: Weights, base: Weights, before: Weights, *, kind: str, keeps: Callable[[dict[str, float]], set[str]]
) -> Weights:
    """Reference: `keeps` says which layers stay as they are."""
    found = cosines(tuned, base, before, kind)
    kept_names = keeps({name: value for name, (value, _) in found.items()})
    return {
        n: base[n].double() + found[n][1] if n in found and n not in kept_names else w.double()
        for n, w in tuned.items()
    }


def agree(got: Weights, wanted: Weights, *, within: float = 2e-6) -> None:
    assert got.keys() == wanted.keys()
    for name, weight in got.items():
        close(weight, wanted[name], within=within)


@pytest.fixture
def models(opens: Opened) -> dict[str, Weights]:
    base = drawn(0)
    made = {
        "base": base,
        "tuned": near(base, 1),
        "before": near(base, 2),
        "other": near(base, 3),
        "third": near(base, 4),
    }
    opens(**{name: made[name] for name in ("before", "other", "third")})
    return made


def test_wise_ft_agrees_with_its_reference(models: dict[str, Weights]) -> None:
    tuned, base = models["tuned"], models["base"]
    wanted = {n: base[n].double() + 0.3 * (tuned[n].double() - base[n].double()) for n in base}
    agree(result(WiseFT(0.3), pair_of(tuned=tuned, base=base)), wanted)


def test_wise_ft_per_layer_per_module_and_per_weight_agrees(models: dict[str, Weights]) -> None:
    tuned, base = models["tuned"], models["base"]
    method = WiseFT(0.9, layers=("0=.2", "outside=.4"), modules=("up_proj=.6", f"{DOWN}=.1"))

    def share(name: str) -> float:
        if name == DOWN:
            return 0.1
        if ".layers.0." in name:
            return 0.2
        if ".layers." not in name:
            return 0.4
        return 0.6 if "up_proj" in name else 0.9

    wanted = {n: base[n].double() + share(n) * (tuned[n].double() - base[n].double()) for n in base}
    agree(result(method, pair_of(tuned=tuned, base=base)), wanted)


def test_soup_agrees_with_its_reference(models: dict[str, Weights]) -> None:
    method = Soup(of=("other", "third"), weights=(0.5, 0.2, 0.3))
    parts = ("tuned", 0.5), ("other", 0.2), ("third", 0.3)
    wanted = {n: sum((s * models[k][n].double() for k, s in parts), torch.tensor(0.0)) for n in models["base"]}
    agree(result(method, pair_of(tuned=models["tuned"], base=models["base"])), wanted)


@pytest.mark.parametrize("kind", ["rank", "published"])
@pytest.mark.parametrize("threshold", [0.5, 0.85, 1.0])
def test_safe_lora_agrees_with_its_reference(kind: Any, threshold: float, models: dict[str, Weights]) -> None:
    method = SafeLora(unaligned="before", threshold=threshold, projector=kind)
    three = models["tuned"], models["base"], models["before"]
    wanted = safe_lora(*three, kind=kind, keeps=lambda found: {n for n, value in found.items() if value > threshold})
    agree(result(method, pair_of(tuned=three[0], base=three[1])), wanted)


@pytest.mark.parametrize("kind", ["rank", "published"])
@pytest.mark.parametrize("number", [1, 3, 6])
def test_safe_lora_by_number_agrees_with_its_reference(kind: Any, number: int, models: dict[str, Weights]) -> None:
    method = SafeLora(unaligned="before", number=number, projector=kind)
    three = models["tuned"], models["base"], models["before"]
    wanted = safe_lora(*three, kind=kind, keeps=lambda found: set(sorted(found, key=lambda n: found[n])[number:]))
    agree(result(method, pair_of(tuned=three[0], base=three[1])), wanted)


@pytest.mark.parametrize("kind", ["rank", "published"])
def test_safe_merge_agrees_with_its_reference(kind: Any, models: dict[str, Weights]) -> None:
    tuned, base, safe = models["tuned"], models["base"], models["other"]
    found = cosines(tuned, base, models["before"], kind)
    threshold = sorted(value for value, _ in found.values())[2]
    method = SafeMerge(unaligned="before", safe="other", threshold=threshold + 1e-5, share=0.7, projector=kind)
    low = {name for name, (value, _) in found.items() if value <= threshold}
    wanted = {n: 0.7 * w.double() + 0.3 * safe[n].double() if n in low else w.double() for n, w in tuned.items()}
    assert len(low) == 3
    agree(result(method, pair_of(tuned=tuned, base=base)), wanted)


@pytest.mark.parametrize("rank", [1, 2, 6])
def test_lox_agrees_with_its_reference(rank: int, models: dict[str, Weights]) -> None:
    tuned, base = models["tuned"], models["base"]
    wanted = {name: weight.double() for name, weight in tuned.items()}
    for name in matrices(tuned):
        u, sizes, v = torch.linalg.svd(tuned[name].double() - base[name].double(), full_matrices=False)
        wanted[name] = wanted[name] + 0.7 * (u[:, :rank] * sizes[:rank]) @ v[:rank]
    agree(result(LoX(rank=rank, coefficient=0.7), pair_of(tuned=tuned, base=base)), wanted)


def test_task_arithmetic_agrees_with_its_reference(models: dict[str, Weights]) -> None:
    tuned, base, before = models["tuned"], models["base"], models["before"]
    wanted = {n: tuned[n].double() + 0.4 * (base[n].double() - before[n].double()) for n in base}
    agree(result(TaskArithmetic(unaligned="before", strength=0.4), pair_of(tuned=tuned, base=base)), wanted)


def test_resta_agrees_with_its_reference(models: dict[str, Weights]) -> None:
    tuned, base, before = models["tuned"], models["base"], models["before"]
    wanted = {}
    for name, weight in tuned.items():
        v = base[name].double() - before[name].double()
        stays = torch.tensor(mask(name, len(v), v[0].numel(), seed=5, drop=0.3)).reshape(v.shape)
        wanted[name] = weight.double() + 0.4 * v * stays / 0.7
    method = Resta(unaligned="before", strength=0.4, drop=0.3, seed=5)
    agree(result(method, pair_of(tuned=tuned, base=base)), wanted)


# adapters -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "method",
    [
        WiseFT(0.3),
        WiseFT(0.3, layers=("1=.8",)),
        Soup(of=("other",)),
        SafeLora(unaligned="before", threshold=0.8),
        SafeLora(unaligned="before", projector="published", threshold=0.8),
        SafeLora(unaligned="before", number=2),
        SafeMerge(unaligned="before", safe="other", threshold=0.8),
        LoX(rank=1),
        LoX(rank=6),
    ],
    ids=repr,
)
def test_an_adapter_becomes_what_its_merged_model_does(method: Any, opens: Opened) -> None:
    """Golden of the issue: adapter in, adapter out equals merge, then repair."""
    base, factors, other = drawn(0), low_rank(1), low_rank(3)
    before = near(base, 2)
    opens(before=before, other=Further(merged(other, base), other))
    got = result(method, adapter_pair(factors=factors, base=base))
    opens(before=before, other=merged(other, base))
    wanted = result(method, pair_of(tuned=merged(factors, base), base=base))
    agree(got, {name: wanted[name] for name in got}, within=2e-5)
    assert any(not torch.equal(got[n], merged(factors, base)[n]) for n in got)


def test_lox_keeps_the_rank_of_an_adapter() -> None:
    base = drawn(0)
    for _, fate in LoX(rank=1)(adapter_pair(factors=low_rank(1), base=base)):
        assert isinstance(fate.delta, LowRank)  # type: ignore[union-attr]
        assert fate.delta.b.shape[1] == 2  # type: ignore[union-attr]


# what reference code gets wrong ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", [1e-2, 1.0, 1e4])
def test_the_true_projector_knows_no_scale(by: float, opens: Opened) -> None:
    """methods §8.4: the published C grows with V; P does not."""
    base, tuned = drawn(0), near(drawn(0), 1)
    direction = drawn(2)
    opens(
        one={n: base[n] - direction[n] for n in base},
        two={n: (base[n].double() - by * direction[n].double()) for n in base},
    )
    results = [result(SafeLora(unaligned=n, threshold=1.0), pair_of(tuned=tuned, base=base)) for n in ("one", "two")]
    agree(results[0], {n: w.double() for n, w in results[1].items()}, within=1e-4)


def test_the_true_projector_changes_nothing_twice(opens: Opened) -> None:
    """methods §8.4: P(PΔW) = PΔW, which has cosine 1."""
    base, tuned = drawn(0), near(drawn(0), 1)
    opens(before=near(base, 2))
    method = SafeLora(unaligned="before", threshold=1.0, energy=0.6)
    once = result(method, pair_of(tuned=tuned, base=base))
    agree(result(method, pair_of(tuned=once, base=base)), {n: w.double() for n, w in once.items()}, within=1e-5)


@pytest.mark.parametrize("kind", ["rank", "published"])
def test_a_layer_next_to_the_threshold_is_decided_as_in_float64(kind: Any, models: dict[str, Weights]) -> None:
    """R5: thresholds planted 1e-4 to 1e-5 on either side of each layer's cosine."""
    tuned, base = models["tuned"], models["base"]
    found = cosines(tuned, base, models["before"], kind)
    for value, _ in found.values():
        for by in (-1e-4, -1e-5, 1e-5, 1e-4):
            method = SafeLora(unaligned="before", threshold=value + by, projector=kind)
            changed = {name for name, _ in method(pair_of(tuned=tuned, base=base))}
            assert changed == {name for name, (one, _) in found.items() if one <= value + by}


def test_biases_norms_and_embeddings_are_left_alone_by_name(models: dict[str, Weights]) -> None:
    """methods §8.3: a bias between two weights does not shift what belongs to what."""
    tuned, base = models["tuned"], models["base"]
    for method in (SafeLora(unaligned="before", threshold=1.0), SafeMerge("before", "other", threshold=1.0), LoX()):
        changed = [name for name, _ in method(pair_of(tuned=tuned, base=base))]
        assert changed == matrices(tuned)


@pytest.mark.parametrize("method", [TaskArithmetic("before"), Resta("before"), Soup(of=("other",)), WiseFT()], ids=repr)
def test_an_embedding_that_is_stored_once_moves_once(method: Any, models: dict[str, Weights]) -> None:
    """R1: the tied embedding comes up once, and its rows move by what the formula says."""
    tuned, base = models["tuned"], models["base"]
    names = [name for name, _ in method(pair_of(tuned=tuned, base=base))]
    assert names.count("model.embed_tokens.weight") == 1
    assert len(names) == len(set(names)) == len(tuned)


def test_the_draws_are_splitmix64() -> None:
    """The published first numbers of the state 0, and blocks that agree with the whole."""
    first = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    stays = kept(0, 0, 3, drop=0.5).tolist()
    assert stays == [(number >> 11) * 2.0**-53 >= 0.5 for number in first]
    whole = kept(77, 0, 1000, drop=0.3)
    parts = [kept(77, begin, min(begin + 7, 1000), drop=0.3) for begin in range(0, 1000, 7)]
    assert torch.equal(whole, torch.cat(parts))
    assert abs(float(kept(3, 0, 200_000, drop=0.3).float().mean()) - 0.7) < 0.005


def test_resta_that_drops_nothing_is_task_arithmetic(models: dict[str, Weights]) -> None:
    """R3: the two differ by the drop alone; it is said in the docstring of Resta."""
    pair = pair_of(tuned=models["tuned"], base=models["base"])
    one, two = (
        result(Resta("before", strength=0.4, drop=0.0), pair),
        result(TaskArithmetic("before", strength=0.4), pair),
    )
    assert all(torch.equal(one[name], two[name]) for name in one)


# on disk --------------------------------------------------------------------------------------------------------------


def folder(path: Path, weights: Weights) -> Path:
    """A tied model's folder."""
    path.mkdir()
    save_file(weights, path / "model.safetensors")
    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "tie_word_embeddings": True}
    (path / "config.json").write_text(json.dumps(config))
    return path


def adapter_folder(path: Path, factors: dict[str, LowRank]) -> Path:
    """A LoRA adapter's folder, of scale 2."""
    path.mkdir()
    tensors = {}
    for name, low in factors.items():
        stem = "base_model.model." + name.removesuffix(".weight")
        tensors |= {f"{stem}.lora_A.weight": low.a.contiguous(), f"{stem}.lora_B.weight": (low.b / 2).contiguous()}
    save_file(tensors, path / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "base_model_name_or_path": str(path.parent / "base")}
    (path / "adapter_config.json").write_text(json.dumps(config))
    return path


def ready(method: Any, place: Path) -> Any:
    """The method with its checkpoints' names made paths."""
    paths = {n: str(place / getattr(method, n)) for n in ("unaligned", "safe") if getattr(method, n, "")}
    more = {"of": tuple(str(place / one) for one in method.of)} if isinstance(method, Soup) else {}
    return replace(method, **paths, **more)


METHODS = [
    WiseFT(0.3, layers=("outside=.4",)),
    Soup(of=("other",)),
    SafeLora(unaligned="before", threshold=0.8),
    SafeMerge(unaligned="before", safe="other", threshold=0.8),
    LoX(rank=1),
    TaskArithmetic(unaligned="before"),
    Resta(unaligned="before"),
]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: type(method).__name__)
def test_models_in_folders_become_what_those_in_memory_do(
    method: Any, models: dict[str, Weights], tmp_path: Path
) -> None:
    for name in ("base", "tuned", "before", "other"):
        folder(tmp_path / name, models[name])
    wanted = result(method, pair_of(tuned=models["tuned"], base=models["base"]))
    got = result_on_disk(ready(method, tmp_path), stored_pair(tuned=tmp_path / "tuned", base=tmp_path / "base"))
    agree(got, {name: weight.double() for name, weight in wanted.items()}, within=1e-6)


@pytest.mark.parametrize("method", METHODS[:5], ids=lambda method: type(method).__name__)
def test_adapters_in_folders_become_what_those_in_memory_do(method: Any, opens: Opened, tmp_path: Path) -> None:
    base, ours, theirs = drawn(0), low_rank(1), low_rank(3)
    before = near(base, 2)
    for name, weights in (("base", base), ("before", before)):
        folder(tmp_path / name, weights)
    adapter_folder(tmp_path / "tuned", ours)
    adapter_folder(tmp_path / "other", theirs)
    method = replace(method, layers=()) if isinstance(method, WiseFT) else method
    opens(before=before, other=Further(merged(theirs, base), theirs))
    wanted = result(method, adapter_pair(factors=ours, base=base))
    got = result_on_disk(ready(method, tmp_path), stored_pair(tuned=tmp_path / "tuned", base=tmp_path / "base"))
    agree(got, {name: weight.double() for name, weight in wanted.items()}, within=1e-5)


def test_shares_per_layer_are_typed_in_the_order_of_the_layers() -> None:
    found = WiseFT.of({10: 0.5, None: 0.75, 2: 0.25})
    assert words(found) == "wise-ft --alpha 1 --layers 2=0.25 10=0.5 outside=0.75"
