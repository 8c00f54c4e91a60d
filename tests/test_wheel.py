"""The wheel brings its migrations and sample data along."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_an_installed_wheel_runs_by_itself(tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(wheels), str(ROOT)],
        check=True,
        capture_output=True,
    )
    (wheel,) = wheels.glob("*.whl")
    venv.create(tmp_path / "venv")
    # By the pip that is here: to make another one takes longer than all the rest.
    pip = [sys.executable, "-m", "pip", "--python", str(tmp_path / "venv" / "bin" / "python")]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)], check=True)
    # The present packages, but not the checkout: a .pth line adds site-packages without its own .pth files.
    site = next((tmp_path / "venv" / "lib").glob("python*")) / "site-packages"
    (site / "present.pth").write_text(sysconfig.get_path("purelib") + "\n")
    environment = {**os.environ, "PROMPTREC_HOME": str(tmp_path / "home")}
    environment.pop("PYTHONPATH", None)

    def promptrec(*arguments: str) -> str:
        command = [tmp_path / "venv" / "bin" / "promptrec", *arguments]
        return subprocess.run(
            command, check=True, capture_output=True, text=True, env=environment, cwd=tmp_path
        ).stdout

    (model, *_) = json.loads(promptrec("model", "list", "--json"))
    assert model["embedded"]
    assert model["folder"].startswith(str(site))
    paths = json.loads(promptrec("paths", "--json"))
    assert Path(paths["migrations"]).is_relative_to(site)
    sample = Path(paths["sample_data"])
    promptrec(
        *("dataset", "import", str(sample / "interactions.csv"), "--items", str(sample / "films.csv")),
        *("--name", "sample", "--json"),
    )
    assert json.loads(promptrec("dataset", "show", "sample", "--json"))["users"] >= 1000
