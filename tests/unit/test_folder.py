"""Run folders: kept ones of every release, whole, partial and damaged; locks, asides, seals, quantiles."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sim.cli.main import call
from sim.ensemble import run
from sim.errors import DataError, RunError
from sim.results import border_counts, disk, folder, open_run, reduce, summarise
from sim.results.content import content_hash, pieces
from sim.results.run import Run
from sim.results.verify import verify
from tests.fixtures.make_runs import RUNS
from tests.regression.update_baseline import SENT_BACK

RELEASES = sorted(p for p in RUNS.iterdir() if p.is_dir())
FILES = sorted(p.name for p in (RELEASES[-1] / "whole").iterdir())
PARTS = sorted(
    p.relative_to(RELEASES[-1] / "partial").as_posix() for p in RELEASES[-1].glob("partial/parts/r*/*")
)


def copied(path: Path, kind: str = "whole") -> Path:
    shutil.copytree(RELEASES[-1] / kind, path)
    return path


def truncated(file: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])


def flipped(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))


def missing(file: Path) -> None:
    file.unlink()


def emptied(file: Path) -> None:
    file.write_bytes(b"")


DAMAGES = (truncated, flipped, missing, emptied)


@pytest.mark.parametrize("release", RELEASES, ids=lambda p: p.name)
def test_kept_run_opens(release: Path) -> None:
    assert not verify(release / "whole").problems
    done = open_run(release / "whole")
    assert done.replicates == 3
    assert sorted(done.flows["replicate"].unique()) == [0, 1, 2]
    assert done.scenario.name == "sent_back"
    assert done.checks["conserved"]
    assert list(done.summary.columns)[:3] == ["border", "month", "nationality"]


@pytest.mark.parametrize("release", RELEASES, ids=lambda p: p.name)
def test_kept_partial_run_says_so(release: Path) -> None:
    found = verify(release / "partial")
    assert found.partial
    assert "1 of 3 replicates are whole" in str(found.problems[0])
    with pytest.raises(DataError, match="partial"):
        open_run(release / "partial")


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda d: d.__name__)
@pytest.mark.parametrize("name", FILES)
def test_damage_of_a_whole_run_is_named(
    name: str, damage: Callable[[Path], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copied(tmp_path / "run")
    damage(path / name)
    found = verify(path)
    assert found.problems
    assert not found.partial
    assert any(name in p.where for p in found.problems), [str(p) for p in found.problems]
    assert call(["verify", str(path)]) == 2
    told = capsys.readouterr().err
    assert name in told
    assert "fault of its own" not in told


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda d: d.__name__)
@pytest.mark.parametrize("name", ["partial.json", *PARTS])
def test_damage_of_a_partial_run_is_named(name: str, damage: Callable[[Path], None], tmp_path: Path) -> None:
    path = copied(tmp_path / "run", "partial")
    damage(path / name)
    found = verify(path)
    if name == "partial.json" and damage is missing:
        assert not found.partial
        assert "manifest.json" in str(found.problems[0])
        return
    assert found.partial
    told = "\n".join(str(p) for p in found.problems)
    assert Path(name).name in told


def test_a_damaged_part_is_made_again(tmp_path: Path) -> None:
    whole = run(SENT_BACK, replicates=3, seed=7, scale=0.2, workers=1)  # type: ignore[arg-type]
    for number, name in enumerate(PARTS):
        path = copied(tmp_path / str(number), "partial")
        flipped(path / name)
        key = json.loads((path / "partial.json").read_text())["key"]
        taken = folder.RunFolder(path, key, 3, resume=True)
        assert taken.done() == ()
        taken.release()
    assert whole.replicates == 3


def test_a_run_of_other_input_is_not_continued(tmp_path: Path) -> None:
    path = copied(tmp_path / "run", "partial")
    with pytest.raises(RunError, match=r"unfinished run of other input .* written by version"):
        folder.RunFolder(path, "another key", 3, resume=True)


def test_tables_of_another_run_are_found(tmp_path: Path) -> None:
    """Every file whole and listed, but the tables are not those of the manifest."""
    path = copied(tmp_path / "run")
    other = run(SENT_BACK, replicates=3, seed=8, scale=0.2, workers=1)  # type: ignore[arg-type]
    shutil.copy(other.path / "flows.parquet", path / "flows.parquet")
    manifest = disk.unseal(path / "manifest.json")
    manifest["files"] = folder.file_hashes(path)
    (path / "manifest.json").write_bytes(disk.seal(manifest))
    assert any("result_hash" in str(p) for p in verify(path).problems)


def test_people_who_do_not_add_up_are_found(tmp_path: Path) -> None:
    path = copied(tmp_path / "run")
    table = pq.read_table(path / "outcomes.parquet")
    persons = pa.array(table.column("persons").to_numpy() * 2.0)
    pq.write_table(
        table.set_column(table.schema.get_field_index("persons"), "persons", persons),
        path / "outcomes.parquet",
    )
    manifest = disk.unseal(path / "manifest.json")
    manifest["files"] = folder.file_hashes(path)
    (path / "manifest.json").write_bytes(disk.seal(manifest))
    told = "\n".join(str(p) for p in verify(path).problems)
    assert "outcomes of replicate 0 add up to" in told


def test_a_manifest_cannot_point_outside(tmp_path: Path) -> None:
    path = copied(tmp_path / "run")
    (tmp_path / "secret").write_text("x")
    manifest = disk.unseal(path / "manifest.json")
    manifest["files"]["../secret"] = {"bytes": 1, "sha256": ""}
    (path / "manifest.json").write_bytes(disk.seal(manifest))
    assert any("outside" in str(p) for p in verify(path).problems)


def test_many_replicates_are_kept_as_folders_of_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    joined = run(SENT_BACK, replicates=4, seed=7, scale=0.2, workers=1, out=tmp_path / "a")  # type: ignore[arg-type]
    monkeypatch.setattr(folder, "MOST_JOINED", 3)
    apart = run(SENT_BACK, replicates=4, seed=7, scale=0.2, workers=1, out=tmp_path / "b")  # type: ignore[arg-type]
    assert (apart.path / "flows.parquet").is_dir()
    assert not (apart.path / "parts").exists()
    assert apart.manifest["result_hash"] == joined.manifest["result_hash"]
    for name in ("flows", "stocks", "outcomes", "departures", "crossings"):
        one, other = getattr(joined, name), getattr(apart, name)
        assert one.astype(str).equals(other.astype(str))
    assert not verify(apart.path).problems
    assert Run(apart.path).first(2).flows["replicate"].nunique() == 2


@pytest.mark.parametrize("most_bytes", [8, 400, 10**9])
def test_quantiles_in_bounded_memory_are_those_of_all_tables(most_bytes: int, tmp_path: Path) -> None:
    world = json.loads(json.dumps(SENT_BACK))
    world["world"]["borders"] = [
        {"id": "north", "leg": "M-X", "count_kind": "encounters"},
        {"id": "home", "leg": "M-A", "count_kind": "persons"},
    ]
    done = run(world, replicates=7, seed=3, scale=0.05, workers=1, out=tmp_path / "run")
    nobody = pd.DataFrame(columns=["border", "month", "nationality", "persons", "kind", "source"])
    all_at_once = summarise(done.flows, done.scenario, 7, nobody)
    blocks = reduce.quantiles(done.path / "crossings.parquet", 7, most_bytes)
    figures = ["border", "month", "nationality", "median", "lo50", "hi50", "lo90", "hi90"]
    blocks = blocks.sort_values(["border", "nationality", "month"], ignore_index=True)
    assert len(blocks) > 10
    assert blocks[figures].astype(str).equals(all_at_once[figures].astype(str))
    np.testing.assert_array_equal(blocks["hi90"], all_at_once["hi90"])
    whole = border_counts(done.flows, done.scenario).sort_values(
        ["replicate", "border", "month", "nationality"]
    )
    kept = done.crossings.sort_values(["replicate", "border", "month", "nationality"])
    np.testing.assert_array_equal(whole["persons"], kept["persons"])


def test_content_hash_does_not_know_the_encoding(tmp_path: Path) -> None:
    table = pq.read_table(RELEASES[-1] / "whole" / "flows.parquet")
    plain = table.set_column(
        table.schema.get_field_index("leg"), "leg", table.column("leg").cast(pa.string())
    )
    pq.write_table(plain, tmp_path / "flows.parquet", row_group_size=7, compression="none")
    again = pq.read_table(tmp_path / "flows.parquet")
    assert content_hash({"flows": again}) == content_hash({"flows": table})
    assert content_hash({"flows": again.slice(1)}) != content_hash({"flows": table})
    by_replicate = dict(pieces(tmp_path / "flows.parquet"))
    assert sum(t.num_rows for t in by_replicate.values()) == table.num_rows


def test_sums_are_those_of_the_whole_table() -> None:
    run = open_run(RELEASES[-1] / "whole")
    keys = ["period_start", "leg", "nationality"]
    found = run.sums("flows", keys, "persons")
    assert list(found.columns) == ["replicate", *keys, "persons"]
    by = ["replicate", *keys]
    wanted = run.flows.groupby(by, observed=True)["persons"].sum()
    words = found.astype({"leg": str, "nationality": str})
    pd.testing.assert_series_equal(
        words.set_index(by)["persons"].sort_index(),
        wanted.reset_index().astype({"leg": str, "nationality": str}).set_index(by)["persons"].sort_index(),
        check_dtype=False,
    )
    first = run.first(1)
    assert first.sums("flows", keys, "persons")["replicate"].unique().tolist() == [0]
    assert run.first(0).sums("flows", keys, "persons").empty
    with pytest.raises(DataError, match="missing or damaged"):
        run.sums("flows", ["no_such_column"], "persons")


def test_a_table_too_large_for_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.results.run._ROW_BYTES", 1e12)
    with pytest.raises(RunError, match="run.pieces"):
        _ = open_run(RELEASES[-1] / "whole").flows


def test_seal_knows_a_change(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_bytes(disk.seal({"a": 1, "b": [1, 2.5, None], "c": {"d": "é"}}))
    assert disk.unseal(file) == {"a": 1, "b": [1, 2.5, None], "c": {"d": "é"}}
    file.write_bytes(file.read_bytes().replace(b'"a": 1', b'"a": 2'))
    with pytest.raises(DataError, match="its own hash"):
        disk.unseal(file)
