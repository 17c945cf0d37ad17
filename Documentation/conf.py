# SPDX-License-Identifier: GPL-2.0-only
"""How Sphinx makes HTML of these pages: make htmldocs."""
import os
import re
import sys

from docutils import nodes
from sphinx.util import logging

sys.dont_write_bytecode = True
logger = logging.getLogger(__name__)
HERE = os.path.dirname(os.path.realpath(__file__))

with open(os.path.join(HERE, "../include/parley/version.h"), encoding="utf-8") as f:
    release = version = re.search(r'PARLEY_VERSION\t"(.*)"', f.read())[1]
project = "Parley"
copyright = "the Parley developers"     # pylint: disable=W0622
html_theme = "alabaster"
html_show_copyright = False
html_copy_source = False
nitpicky = True


def link_pages(app, doctree):
    """Make `page.rst <page.rst>`__, which readers of the source can follow, a
    link to the page that is made of it."""
    for link in doctree.findall(nodes.reference):
        page, _, part = link.get("refuri", "").partition("#")
        if page.endswith(".rst") and "/" not in page:
            name = page.removesuffix(".rst")
            if name not in app.env.found_docs:
                logger.warning("no page called %s", page, location=link)
                continue
            uri = app.builder.get_relative_uri(app.env.docname, name)
            link["refuri"] = uri + (f"#{part}" if part else "")


def setup(app):
    app.connect("doctree-read", link_pages)
