"""What mining would find, in a few numbers: when they stay the same, nothing has to be mined again."""

import json

from forerun.steps.project import Project
from forerun.tracking.mine import fingerprint
from forerun.tracking.store import open_store


def run(project: Project) -> None:
    """Write data/fingerprint.json; says whether the store still holds what was last mined."""
    settings = project.settings
    store = open_store(settings.store.uri, project.root)
    found = json.dumps(fingerprint(store, settings.mine.experiments), indent=1, sort_keys=True) + "\n"
    known = project.fingerprint.read_text() if project.fingerprint.is_file() else ""
    project.fingerprint.write_text(found)
    runs = sum(counts["runs"] for counts in json.loads(found).values())
    if known:
        print(
            f"{runs:,} runs in {store.label}: " + ("up to date" if known == found else "changed since they were mined")
        )
