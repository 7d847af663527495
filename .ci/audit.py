"""Asks whether a locked version is vulnerable: `python .ci/audit.py [LOCK [OPTION]...]`.

Where the service that knows them (osv.dev) cannot be reached, that is said and nothing fails. The
options are pip-audit's, e.g. `--ignore-vuln ID`.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).with_name("requirements.txt")
_UNREACHABLE = re.compile(r"\b(?:ConnectionError|ConnectTimeout|ReadTimeout|ServiceError)\b")


def main(words: list[str]) -> int:
    """Run pip-audit and sum up what it says.

    Args:
        words: The lock, if it is another one than the project's, and pip-audit's options.

    Returns:
        The exit status: 1 for a vulnerability, and for whatever else went wrong but the network.
    """
    lock, *options = words or [str(LOCK)]
    done = subprocess.run(
        [sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip", "-r", lock,
         "--vulnerability-service", "osv", "--format", "json", "--progress-spinner", "off",
         *options],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    try:
        audited = json.loads(done.stdout)["dependencies"]
    except ValueError:
        if _UNREACHABLE.search(done.stderr):
            print("nothing was audited: the service that knows vulnerabilities cannot be reached")
            return 0
        print(done.stderr, file=sys.stderr)
        return 1
    found = [(each, problem) for each in audited for problem in each.get("vulns", ())]
    for each, problem in found:
        fixed = ", ".join(problem["fix_versions"]) or "no version yet"
        print(f"{each['name']} {each['version']}: {problem['id']}, fixed in {fixed}")
    for each in audited:
        if "skip_reason" in each:
            print(each["skip_reason"])
    print(f"{len(found)} vulnerabilities in {len(audited)} packages")
    return 1 if found or done.returncode else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
