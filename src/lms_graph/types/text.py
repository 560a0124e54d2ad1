"""Formatted text."""

import strawberry

from lms_graph.types.costs import weight
from lms_graph.types.public import WITHIN

LONG = weight(10)
"""Of a text that may have thousands of characters: a hundred of them make a large answer."""


@strawberry.type(description="Text with formatting.", directives=[WITHIN])
class FormattedText:
    markdown: str = strawberry.field(description="As it was written: CommonMark with tables; raw HTML in it is shown as text.", directives=[LONG])
    html: str = strawberry.field(description="Safe to show: made of the Markdown and sanitized when it was written.", directives=[LONG])
