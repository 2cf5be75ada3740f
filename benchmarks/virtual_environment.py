# SPDX-License-Identifier: MIT
"""Where the comparisons with other libraries run: a virtual environment of their versions, made on first use."""
import os
import subprocess
import sys
from pathlib import Path


def enter(venv, packages):
    """Continues inside the virtual environment `venv`, which has these packages."""
    python = venv / "bin" / "python"
    if Path(sys.prefix).resolve() == venv.resolve():
        return
    if not python.exists():
        print(f"making {venv} (some minutes)", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *packages], check=True)
    os.execv(str(python), [str(python), *sys.argv])
