"""Sets up, deploys and runs Fairline; contains no betting rules."""

from protocol.installed import need_packages

need_packages()
