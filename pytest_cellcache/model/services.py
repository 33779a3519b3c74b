"""Knows the variables by which services that run tests tell one run from the next.

They say nothing of the project and differ in each run, so who only copies the whole environment is
taken not to look at them. Who asks for one by its name rests on it like on any other.
"""

from __future__ import annotations

import fnmatch
import functools
from collections.abc import Callable
from typing import Final

_SERVICES: Final = {
    "APPVEYOR": "APPVEYOR_*",
    "BITBUCKET_BUILD_NUMBER": "BITBUCKET_*",
    "BUILDKITE": "BUILDKITE_*",
    "CIRCLECI": "CIRCLE_*",
    "CIRRUS_CI": "CIRRUS_*",
    "CODEBUILD_BUILD_ID": "CODEBUILD_*",
    "DRONE": "DRONE_* CI_*",
    "GITHUB_ACTIONS": "GITHUB_* RUNNER_* ACTIONS_* ImageOS ImageVersion",
    "GITLAB_CI": "CI_* GITLAB_*",
    "JENKINS_URL": """JENKINS_* HUDSON_* BUILD_* JOB_* RUN_* GIT_* CHANGE_* STAGE_NAME NODE_NAME
        NODE_LABELS EXECUTOR_NUMBER""",
    "SEMAPHORE": "SEMAPHORE_*",
    "TEAMCITY_VERSION": "TEAMCITY_* BUILD_*",
    "TF_BUILD": "AGENT_* BUILD_* SYSTEM_* RELEASE_* ENDPOINT_* AZURE_HTTP_USER_AGENT Image*",
    "TRAVIS": "TRAVIS_*",
}
"""Patterns of names by the variable that each service sets."""


def is_of_service(name: str, is_set: Callable[[str], bool]) -> bool:
    """Say whether the service that runs the tests tells its runs apart by a variable.

    Args:
        is_set: says whether there is a variable of a name.
    """
    return any(map(is_set, _markers(name)))


@functools.lru_cache
def _markers(name: str) -> tuple[str, ...]:
    return tuple(
        marker
        for marker, patterns in _SERVICES.items()
        if name != marker and any(fnmatch.fnmatchcase(name, each) for each in patterns.split())
    )
